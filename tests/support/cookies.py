"""A provider that sets a cookie per user."""

from __future__ import annotations

from aiohttp import web

from support.upstream import Behaviour, completion

__all__ = ["cookie_from"]


def cookie_from(header: str) -> Behaviour:
    """Answer with a completion, and with a cookie `sid` whose value is that of a header of the request."""

    async def behave(request: web.Request) -> web.StreamResponse:
        response = web.json_response(completion("hi"))
        response.set_cookie("sid", request.headers[header])
        return response

    return behave
