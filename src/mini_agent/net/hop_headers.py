"""Which headers concern one connection only, and end where it ends (RFC 9110 7.6.1)."""

from __future__ import annotations

from collections.abc import Iterable

RawHeaders = Iterable[tuple[bytes, bytes]]

#: Lower-case names.
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)


def end_to_end(headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """Returns: the headers without the hop-by-hop ones, those that `Connection` names included; names in lower case."""
    lowered = [(name.lower(), value) for name, value in headers]
    named = {word.strip().lower() for name, value in lowered if name == b"connection" for word in value.split(b",")}
    dropped = HOP_BY_HOP | named
    return [(name, value) for name, value in lowered if name not in dropped]
