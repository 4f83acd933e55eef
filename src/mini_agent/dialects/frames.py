"""Server-sent events of each dialect: the payloads' frames, the sign of life, the end of a stream that failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec

from mini_agent.dialects.errors import encode_error
from mini_agent.dialects.names import Dialect
from mini_agent.dialects.openai_chat.stream_in import DONE
from mini_agent.dialects.openai_responses import stream_out

#: What tells a client that the stream is alive. Only Anthropic's protocol has an event for it.
PINGS: Mapping[Dialect, bytes] = {
    Dialect.CHAT: b": keep-alive\n\n",
    Dialect.MESSAGES: b'event: ping\ndata: {"type":"ping"}\n\n',
    Dialect.RESPONSES: b": keep-alive\n\n",
}
_TYPE = b'{"type":"'


class _Typed(msgspec.Struct):
    type: str = "message"


_TYPED = msgspec.json.Decoder(_Typed)


def frames(dialect: Dialect, payloads: Sequence[bytes]) -> bytes:
    """Returns: events as one piece of wire text. payloads: their data, each on one line."""
    if dialect is Dialect.CHAT:
        return b"data: " + b"\n\ndata: ".join(payloads) + b"\n\n"
    return b"".join([b"event: " + _type_of(payload) + b"\ndata: " + payload + b"\n\n" for payload in payloads])


def _type_of(payload: bytes) -> bytes:
    if payload.startswith(_TYPE):
        return payload[9 : payload.index(b'"', 9)]
    return _TYPED.decode(payload).type.encode()


def failure(
    dialect: Dialect, envelope: Mapping[str, Any], status: int, first: bytes = b"{}", last: bytes = b"{}"
) -> list[bytes]:
    """Write the end of a stream that failed.

    envelope, status: of the error, as in `encode_error`. first, last: the payloads already sent.
    Returns: payloads.
    """
    if dialect is Dialect.RESPONSES:
        return stream_out.failure(envelope, status, first, last)
    payload = msgspec.json.encode(encode_error(dialect, envelope, status))
    return [payload, DONE] if dialect is Dialect.CHAT else [payload]


class Framing(NamedTuple):
    """How a kind of stream is written.

    ping: the sign of life. frame: payloads as wire text. failure: the payloads that end a stream that failed, from the
    error's envelope, its status, and the first and the last payload that were sent. terminator: what ends a whole one.
    """

    ping: bytes
    frame: Callable[[Sequence[bytes]], bytes]
    failure: Callable[[Mapping[str, Any], int, bytes, bytes], list[bytes]]
    terminator: Sequence[bytes] = ()


#: Of the streams of each dialect.
FRAMINGS: Mapping[Dialect, Framing] = {
    dialect: Framing(
        PINGS[dialect], partial(frames, dialect), partial(failure, dialect), [DONE] if dialect is Dialect.CHAT else ()
    )
    for dialect in Dialect
}


def _run_frames(payloads: Sequence[bytes]) -> bytes:
    """Returns: events of a run, each named by its type; what has none is the result."""
    names = [_RUN.decode(payload).type.encode() for payload in payloads]
    return b"".join(b"event: %b\ndata: %b\n\n" % pair for pair in zip(names, payloads, strict=True))


def _run_failure(envelope: Mapping[str, Any], _status: int, _first: bytes, _last: bytes) -> list[bytes]:
    return [msgspec.json.encode({"type": "error", **envelope})]


class _OfRun(msgspec.Struct):
    type: str = "result"


_RUN = msgspec.json.Decoder(_OfRun)
#: Of the stream of an agent run, which is our own.
RUN_EVENTS = Framing(b": keep-alive\n\n", _run_frames, _run_failure)
