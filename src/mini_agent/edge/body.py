"""Reading the request body: limit, declared length, time, JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from mini_agent.core.errors import (
    ContentLengthMismatch,
    InvalidJson,
    InvalidParameter,
    RequestBodyTimeout,
    RequestTooLarge,
)
from mini_agent.edge.exchange import Receive

__all__ = ["BodyReader"]


class BodyReader:
    """Reads bodies. limit: bytes; idle_s: longest silence of the client in seconds."""

    def __init__(self, limit: int, idle_s: float) -> None:
        self._limit = limit
        self._idle_s = idle_s
        self._decode = msgspec.json.Decoder().decode

    async def read(self, receive: Receive, headers: Mapping[bytes, bytes]) -> bytes:
        """Read the whole body.

        Returns: its bytes.
        Raises: RequestTooLarge without reading further, ContentLengthMismatch, RequestBodyTimeout.
        """
        declared = _declared_length(headers)
        if declared is not None and declared > self._limit:
            raise self._too_large()
        parts: list[bytes] = []
        size = 0
        more = True
        try:
            async with asyncio.timeout(self._idle_s) as deadline:
                loop = asyncio.get_running_loop()
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        break
                    part = message.get("body", b"")
                    size += len(part)
                    if size > self._limit:
                        raise self._too_large()
                    parts.append(part)
                    more = message.get("more_body", False)
                    if more:
                        deadline.reschedule(loop.time() + self._idle_s)
        except TimeoutError as error:
            raise RequestBodyTimeout("The request body did not arrive in time") from error
        if more or (declared is not None and size != declared):
            raise ContentLengthMismatch(f"The body has {size} bytes, {_said(declared)}")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def read_object(self, receive: Receive, headers: Mapping[bytes, bytes]) -> dict[str, Any]:
        """Read a JSON object.

        Returns: the object.
        Raises: as `read`; InvalidJson; InvalidParameter for JSON that is no object.
        """
        raw = await self.read(receive, headers)
        try:
            value = self._decode(raw)
        except RecursionError as error:
            raise InvalidJson("Request body is nested too deeply") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidJson(f"Request body is not valid JSON: {error}") from error
        if not isinstance(value, dict):
            raise InvalidParameter("Request body must be a JSON object")
        return value

    def _too_large(self) -> RequestTooLarge:
        return RequestTooLarge(f"The request body is above the limit of {self._limit} bytes")


def _said(declared: int | None) -> str:
    return "but its end is missing" if declared is None else f"but {declared} were declared"


def _declared_length(headers: Mapping[bytes, bytes]) -> int | None:
    value = headers.get(b"content-length")
    if value is None:
        return None
    if not value.isdigit():
        raise ContentLengthMismatch("The Content-Length header is not a number")
    return int(value)
