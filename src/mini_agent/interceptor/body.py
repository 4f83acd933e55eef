"""The client's side of a relayed request: its body while it arrives, and the moment it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from typing import Any

from mini_agent.errors import ContentLengthMismatch

__all__ = ["ClientGone", "ClientSide", "Receive"]

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientGone(Exception):
    """The client closed the connection; nobody waits for an answer."""


class ClientSide:
    """One client during one request.

    receive: the ASGI channel. declared: its `Content-Length` in bytes, None without one. chunked: whether the body is.
    """

    def __init__(self, receive: Receive, declared: int | None, *, chunked: bool) -> None:
        self._receive = receive
        self._declared = declared
        self.has_body = chunked or bool(declared)
        #: What ended the body early. The HTTP client hides it behind an error of its own.
        self.failure: ContentLengthMismatch | ClientGone | None = None
        self._body_ended = asyncio.Event()
        if not self.has_body:
            self._body_ended.set()

    async def body(self) -> AsyncGenerator[bytes, None]:
        """Returns: the parts of the body as they arrive. Raises: ContentLengthMismatch, ClientGone."""
        size, more = 0, True
        try:
            while more:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    self.failure = ClientGone()
                    raise self.failure
                part = message.get("body", b"")
                size += len(part)
                more = message.get("more_body", False)
                if part:
                    yield part
            if self._declared is not None and size != self._declared:
                self.failure = ContentLengthMismatch(f"The body has {size} bytes, but {self._declared} were declared")
                raise self.failure
        finally:
            self._body_ended.set()

    async def watch(self) -> None:
        """Wait for the client to leave, once its body is here. Raises: ClientGone."""
        await self._body_ended.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        raise ClientGone
