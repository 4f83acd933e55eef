"""Which headers go to the target, and which ones are added. Pure."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from mini_agent.core.errors import InvalidParameter
from mini_agent.interceptor.settings import InterceptorSettings
from mini_agent.net.hop_headers import RawHeaders, end_to_end

__all__ = ["USER_ID", "outgoing_headers"]

#: The header by which the gateway knows the user.
USER_ID = b"x-memory-user-id"

#: These the client of the next connection writes itself: for another host, and after the body was asked for.
_OF_THIS_REQUEST = frozenset({b"host", b"expect"})


def outgoing_headers(received: RawHeaders, settings: InterceptorSettings, *, chunked: bool) -> list[tuple[str, str]]:
    """Make the headers of the request to the target.

    received: the client's headers. chunked: whether its body is, so that no length is declared.
    Returns: them, order and repetitions kept, with what is missing of identity and key at the end. The key is not lent
    to web pages of other machines, which every browser would let spend it.
    Raises: InvalidParameter for a value that is not UTF-8.
    """
    unwanted = _OF_THIS_REQUEST | {b"content-length"} if chunked else _OF_THIS_REQUEST
    received = list(received)
    headers = [(name, value) for name, value in end_to_end(received) if name not in unwanted]
    # For the gateway the first user id counts, and a blank one as absent; left in front of ours it would hide it.
    if settings.inject and not next((value for name, value in headers if name == USER_ID), b"").strip():
        headers = [(name, value) for name, value in headers if name != USER_ID]
    present = {name for name, _ in headers}
    additions = _additions(settings, lends_key=not _is_foreign_page(received, settings.host))
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


def _is_foreign_page(headers: RawHeaders, bound: str) -> bool:
    """Returns: whether a web page of another machine may be behind the request.

    A browser lets every page send here, and says so in `Origin`, or in `Sec-Fetch-Site` where that is missing. A page
    whose name was rebound to this machine reads the answers, too, and is known by the `Host` it asks for. An
    interceptor that is bound to other addresses than loopback has names that we do not know.
    """
    given = {name: value.decode("latin-1").strip() for name, value in reversed(list(headers))}
    host, origin = given.get(b"host"), given.get(b"origin")
    if host is not None and _is_loopback(bound) and not _is_loopback(_host(f"//{host}")):
        return True
    if origin is None:
        return given.get(b"sec-fetch-site") == "cross-site"
    # Other schemes are those of programs on this machine; `null` is what a page makes of its origin to hide it.
    return origin == "null" or (origin.startswith(("http://", "https://")) and not _is_loopback(_host(origin)))


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _text(name: bytes, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        label = name.decode("ascii")
        raise InvalidParameter(f"The value of header '{label}' is not valid UTF-8", param=label) from None
