"""The client's side of a relayed request: its body while it arrives, and the moment it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from mini_agent.core.errors import ContentLengthMismatch, RequestBodyTimeout
from mini_agent.edge.body import timed
from mini_agent.edge.exchange import Receive


class ClientGone(Exception):
    """The client closed the connection; nobody waits for an answer."""


class ClientSide:
    """One client during one request.

    receive: the ASGI channel. declared: its `Content-Length` in bytes, None without one. chunked: whether the body is.
    idle_s, total_s: seconds that it may be silent within its body, and take for all of it.
    """

    def __init__(self, receive: Receive, declared: int | None, *, chunked: bool, idle_s: float, total_s: float) -> None:
        self._receive = receive
        self._receive_body = timed(receive, idle_s, total_s)
        self._declared = declared
        self._has_body = chunked or bool(declared)
        self._size = 0
        #: What ended the body early. The HTTP client hides it behind an error of its own.
        self.failure: ContentLengthMismatch | RequestBodyTimeout | ClientGone | None = None
        self._body_ended = asyncio.Event()
        if not self._has_body:
            self._body_ended.set()

    async def body(self) -> bytes | AsyncGenerator[bytes, None] | None:
        """Returns: the body, if all of it is here; else its parts as they arrive; None without one.

        Raises: ContentLengthMismatch, RequestBodyTimeout, ClientGone; while the parts are read, too.
        """
        if not self._has_body:
            return None
        part, more = await self._next()
        return self._parts(part) if more else part

    async def _parts(self, part: bytes) -> AsyncGenerator[bytes, None]:
        more = True
        try:
            while True:
                if part:
                    yield part
                if not more:
                    return
                part, more = await self._next()
        finally:
            self._body_ended.set()

    async def _next(self) -> tuple[bytes, bool]:
        """Returns: the next part, and whether more follow."""
        try:
            message = await self._receive_body()
        except RequestBodyTimeout as error:
            raise self._failed(error) from None
        if message["type"] == "http.disconnect":
            raise self._failed(ClientGone())
        part: bytes = message.get("body", b"")
        self._size += len(part)
        if message.get("more_body", False):
            return part, True
        self._body_ended.set()
        if self._declared is not None and self._size != self._declared:
            text = f"The body has {self._size} bytes, but {self._declared} were declared"
            raise self._failed(ContentLengthMismatch(text))
        return part, False

    def _failed(self, error: ContentLengthMismatch | RequestBodyTimeout | ClientGone) -> Exception:
        self.failure = error
        return error

    async def watch(self) -> None:
        """Wait for the client to leave, once its body is here. Raises: ClientGone."""
        await self._body_ended.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        raise ClientGone
