"""Reading the request body: limit, declared length, time, JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, MutableMapping
from typing import Any

import msgspec

from mini_agent.core.errors import (
    ContentLengthMismatch,
    InvalidJson,
    InvalidParameter,
    RequestBodyTimeout,
    RequestTooLarge,
    UnsupportedMediaType,
)
from mini_agent.core.text import refuse_long_numbers
from mini_agent.core.waiting import within
from mini_agent.edge.exchange import Receive


def timed(receive: Receive, idle_s: float, total_s: float) -> Receive:
    """Put deadlines around the messages of one body.

    idle_s: longest silence of the client. total_s: longest time for all of the body, from the first message asked for.
    Returns: a function that gives the next message. It raises RequestBodyTimeout.
    """
    now = asyncio.get_running_loop().time
    end = now() + total_s

    async def next_message() -> MutableMapping[str, Any]:
        try:
            return await within(min(idle_s, end - now()), receive())
        except TimeoutError as error:
            raise RequestBodyTimeout("The request body did not arrive in time") from error

    return next_message


_CHARSETS = frozenset({b"utf-8", b"utf8", b"us-ascii"})


class BodyReader:
    """Reads bodies. limit: bytes; idle_s, total_s: as for `timed`."""

    def __init__(self, limit: int, idle_s: float, total_s: float) -> None:
        self._limit = limit
        self._idle_s = idle_s
        self._total_s = total_s
        self._decode = msgspec.json.Decoder().decode

    async def read(self, receive: Receive, headers: Mapping[bytes, bytes]) -> bytes:
        """Read the whole body.

        Returns: its bytes.
        Raises: RequestTooLarge without reading further, ContentLengthMismatch, RequestBodyTimeout.
        """
        declared = _declared_length(headers)
        if declared is not None and declared > self._limit:
            raise self._too_large()
        next_message = timed(receive, self._idle_s, self._total_s)
        parts: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await next_message()
            if message["type"] == "http.disconnect":
                break
            part = message.get("body", b"")
            size += len(part)
            if size > self._limit:
                raise self._too_large()
            parts.append(part)
            more = message.get("more_body", False)
        if more or (declared is not None and size != declared):
            raise ContentLengthMismatch(f"The body has {size} bytes, {_said(declared)}")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def read_object(self, receive: Receive, headers: Mapping[bytes, bytes]) -> dict[str, Any]:
        """Read a JSON object.

        Returns: the object.
        Raises: UnsupportedMediaType before anything is read; as `read`; InvalidJson; InvalidParameter for JSON that is
        no object.
        """
        check_json(headers)
        raw = await self.read(receive, headers)
        try:
            refuse_long_numbers(raw)
            value = self._decode(raw)
        except RecursionError as error:
            raise InvalidJson("Request body is nested too deeply") from error
        except ValueError as error:
            raise InvalidJson(f"Request body is not valid JSON: {error}") from error
        if not isinstance(value, dict):
            raise InvalidParameter("Request body must be a JSON object")
        return value

    def _too_large(self) -> RequestTooLarge:
        return RequestTooLarge(f"The request body is above the limit of {self._limit} bytes")


def check_json(headers: Mapping[bytes, bytes]) -> None:
    """See that a body says that it is JSON in UTF-8.

    A type that browsers send without asking first would let any page send JSON.

    Raises: UnsupportedMediaType.
    """
    given = headers.get(b"content-type", b"")
    if given == b"application/json" and b"content-encoding" not in headers:
        return
    _, *parameters = (part.strip().lower() for part in given.split(b";"))
    charsets = [part[8:].strip(b"\"' ") for part in parameters if part.startswith(b"charset=")]
    if media_type(headers) != "application/json" or not set(charsets) <= _CHARSETS:
        raise UnsupportedMediaType("The body must be JSON in UTF-8 and say so: content-type: application/json")
    if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
        raise UnsupportedMediaType("The body must not be encoded")


def media_type(headers: Mapping[bytes, bytes]) -> str:
    """Returns: the type of a body without its parameters, in lower case."""
    return headers.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")


def has_body(headers: Mapping[bytes, bytes]) -> bool:
    """Returns: whether a request announces a body."""
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b"0") != b""


def _said(declared: int | None) -> str:
    return "but its end is missing" if declared is None else f"but {declared} were declared"


def _declared_length(headers: Mapping[bytes, bytes]) -> int | None:
    value = headers.get(b"content-length")
    if value is None:
        return None
    if not value.isdigit():
        raise ContentLengthMismatch("The Content-Length header is not a number")
    return int(value)
