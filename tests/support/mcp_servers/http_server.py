"""A real streamable-HTTP MCP server on a free loopback port, in a thread of its own, with a log of requests."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from support.mcp_servers.catalogue import build


class _Server(uvicorn.Server):
    """uvicorn, leaving when it is told to instead of looking ten times a second whether it was."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._leave = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        """Serve until `leave`."""
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            await self._leave.wait()

    def leave(self) -> None:
        """End serving, from any thread."""
        # Whatever connection is left by now is one that its client has closed: nothing to wait for.
        self.should_exit = self.force_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._leave.set)


@dataclass
class McpHttpServer:
    """A running server. url: of its endpoint. headers: of every request, names in lower case."""

    url: str
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def serve_mcp(*extra: str, transport: str = "http", port: int = 0) -> Iterator[McpHttpServer]:
    """Serve the catalogue until the block ends. transport: `http` or `sse`. port: 0 takes a free one."""
    listener = socket.create_server(("127.0.0.1", port))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = McpHttpServer(f"{address}/{'mcp' if transport == 'http' else 'sse'}")
    built = build("http", *extra)
    app = built.streamable_http_app() if transport == "http" else built.sse_app()

    async def logged(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            server.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        await app(scope, receive, send)

    config = uvicorn.Config(logged, log_config=None, lifespan="on", loop="asyncio", timeout_graceful_shutdown=1)
    running = _Server(config)
    # uvicorn installs signal handlers in `serve` only when it runs in the main thread, which it does not.
    thread = threading.Thread(target=asyncio.run, args=(running.serve([listener]),))
    thread.start()
    try:
        yield server
    finally:
        running.leave()
        thread.join(10)
        listener.close()
        assert not thread.is_alive()
