"""A provider that sets a cookie per user, and what its log says about who brought whose."""

from __future__ import annotations

from aiohttp import web

from support.upstream import Behaviour, Seen, Upstream, completion


def cookie_from(header: str) -> Behaviour:
    """Answer with a completion, and with a cookie `sid` whose value is that of a header of the request."""

    async def behave(request: web.Request) -> web.StreamResponse:
        response = web.json_response(completion("hi"))
        response.set_cookie("sid", request.headers[header])
        return response

    return behave


def visitors_book() -> Behaviour:
    """Answer each user with a cookie of that name."""
    return cookie_from("x-sm-user-id")


def crossed(upstream: Upstream) -> list[Seen]:
    """Returns: the requests that brought a cookie of somebody else.

    Raises: AssertionError when hardly any request brought a cookie at all, which would prove nothing.
    """
    with_cookie = [seen for seen in upstream.requests if seen.header("cookie")]
    assert len(with_cookie) > len(upstream.requests) * 0.9, "cookies do not persist"
    return [seen for seen in with_cookie if seen.header("cookie") != f"sid={seen.header('x-sm-user-id')}"]
