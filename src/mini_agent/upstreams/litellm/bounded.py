"""The answers that LiteLLM reads, bounded. Imported with LiteLLM, which brings `httpx`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import httpx

from mini_agent.net.bounded import AnswerTooLarge


class BoundedTransport(httpx.AsyncBaseTransport):
    """Asks for plain answers and ends those that are too large.

    limit: bytes of a whole answer; of a stream of events, of one line, because nothing longer is ever held.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, limit: int) -> None:
        self._inner = inner
        self._limit = limit

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Returns: the answer. Raises: httpx.TransportError, for an encoded answer too."""
        request.headers["accept-encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise httpx.RemoteProtocolError("the provider sent an encoded answer, for which nobody had asked")
        by_line = response.headers.get("content-type", "").lower().startswith("text/event-stream")
        response.stream = _Bounded(cast(httpx.AsyncByteStream, response.stream), self._limit, by_line=by_line)
        return response

    async def aclose(self) -> None:
        """Close what is inside."""
        await self._inner.aclose()


class _Bounded(httpx.AsyncByteStream):
    """A body whose length, or that of each of its lines, has a limit."""

    def __init__(self, inner: httpx.AsyncByteStream, limit: int, *, by_line: bool) -> None:
        self._inner = inner
        self._limit = limit
        self._by_line = by_line

    async def __aiter__(self) -> AsyncIterator[bytes]:
        held = 0
        async for part in self._inner:
            newline = part.rfind(b"\n") if self._by_line else -1
            held = held + len(part) if newline < 0 else len(part) - newline - 1
            if held > self._limit:
                raise AnswerTooLarge(self._limit)
            yield part

    async def aclose(self) -> None:
        """Close the body."""
        await self._inner.aclose()
