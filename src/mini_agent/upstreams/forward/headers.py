"""What of a client's request head goes to the external process, and what of its answer's head comes back. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from urllib.parse import unquote_plus

from mini_agent.core.steering import field_steers
from mini_agent.memory.headers import is_harmless
from mini_agent.net.hop_headers import RawHeaders, end_to_end

#: Written anew for the request to the external process; and compressed answers are not asked for.
_OF_THE_REQUEST = frozenset({b"host", b"content-length", b"content-type", b"accept-encoding", b"expect"})
#: Written anew for the answer to the client. The body that goes on is never the encoded one.
_OF_THE_ANSWER = frozenset(
    {b"content-length", b"content-encoding", b"content-type", b"date", b"server", b"x-request-id"}
)


def forwarded_headers(received: RawHeaders) -> dict[str, str]:
    """Pick the client's headers that go to the external process.

    received: the client's. Returns: the end-to-end headers by lower-case name, repeated ones joined by commas. Not
    among them: `Host`, credentials and cookies, parameters of LiteLLM, values that are not printable ASCII.
    """
    kept: dict[str, str] = {}
    for name, value in end_to_end(received):
        if name not in _OF_THE_REQUEST and is_harmless(name, value):
            key, text = name.decode(), value.decode()
            kept[key] = f"{kept[key]}, {text}" if key in kept else text
    return kept


def answer_headers(answer: Mapping[str, str]) -> Iterator[tuple[bytes, bytes]]:
    """Pick the headers of the external process's answer that go to the client.

    Returns: the end-to-end ones, without cookies under any name and without those that the gateway writes itself.
    """
    raw = ((name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in answer.items())
    for name, value in end_to_end(raw):
        if name not in _OF_THE_ANSWER and b"cookie" not in name and not name.startswith(b"x-mini-agent-"):
            yield name, value


def kept_query(query: str, *, said_elsewhere: Container[str] = ()) -> str:
    """Take out of a query what no client may set there. said_elsewhere: further names, which are not the query's.

    Returns: the query string, otherwise as it is.
    Raises: InvalidParameter for a value that is nested too deeply to be searched.
    """
    if not query:
        return query
    parts = query.split("&")
    kept = [part for part in parts if not _steers(part, said_elsewhere)]
    return query if len(kept) == len(parts) else "&".join(kept)


def _steers(pair: str, names: Container[str]) -> bool:
    written, _, value = pair.partition("=")
    name = unquote_plus(written).strip().lower()
    return name in names or field_steers(name, unquote_plus(value))
