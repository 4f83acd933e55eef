"""Which headers go to the target, and which ones are added. Pure."""

from __future__ import annotations

from mini_agent.core.errors import InvalidParameter
from mini_agent.interceptor.settings import InterceptorSettings
from mini_agent.net.hop_headers import RawHeaders, end_to_end

#: The header by which the gateway knows the user.
USER_ID = b"x-memory-user-id"

#: These the client of the next connection writes itself: for another host, and after the body was asked for.
_OF_THIS_REQUEST = frozenset({b"host", b"expect"})
#: What a browser says about a page. It was judged at our door; at the next one it would be about the wrong server.
_OF_THE_DOOR = (b"origin", b"sec-fetch-", b"access-control-request-")


def outgoing_headers(received: RawHeaders, settings: InterceptorSettings, *, chunked: bool) -> list[tuple[str, str]]:
    """Make the headers of the request to the target.

    received: the client's headers. chunked: whether its body is, so that no length is declared.
    Returns: them, order and repetitions kept, without what a browser said to the door, with what is missing of identity
    and key at the end.
    Raises: InvalidParameter for a value that is not UTF-8.
    """
    unwanted = _OF_THIS_REQUEST | {b"content-length"} if chunked else _OF_THIS_REQUEST
    received = list(received)
    headers = [
        (name, value)
        for name, value in end_to_end(received)
        if name not in unwanted and not name.startswith(_OF_THE_DOOR)
    ]
    # For the gateway the first user id counts, and a blank one as absent; left in front of ours it would hide it.
    if settings.inject and not next((value for name, value in headers if name == USER_ID), b"").strip():
        headers = [(name, value) for name, value in headers if name != USER_ID]
    present = {name for name, _ in headers}
    additions = _additions(settings, lends_key=_lends_key(received))
    added = [(name, value.encode()) for name, value in additions if name not in present]
    return [(name.decode("ascii"), _text(name, value)) for name, value in [*headers, *added]]


def _additions(settings: InterceptorSettings, *, lends_key: bool) -> list[tuple[bytes, str]]:
    additions = []
    if settings.inject:
        additions += [
            (USER_ID, settings.instance_id),
            (b"x-pycharm-instance", settings.instance_id),
            (b"x-source", "pycharm-ai-chat"),
        ]
    if settings.api_key and lends_key:
        additions.append((b"authorization", f"Bearer {settings.api_key}"))
    return additions


def _lends_key(headers: RawHeaders) -> bool:
    """Returns: whether the key may be added. Who follows a link from another page has not asked to spend it."""
    given = dict(headers)
    return b"origin" in given or given.get(b"sec-fetch-site") not in (b"cross-site", b"same-site")


def _text(name: bytes, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        label = name.decode("ascii")
        raise InvalidParameter(f"The value of header '{label}' is not valid UTF-8", param=label) from None
