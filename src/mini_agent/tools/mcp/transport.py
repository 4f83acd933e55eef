"""Transports to MCP servers, all of the official SDK, which is imported when one is opened."""

from __future__ import annotations

import base64
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

from yarl import URL

from mini_agent.net.egress import CheckedHost, Egress
from mini_agent.settings.schema import McpServer
from mini_agent.tools.mcp import launch as mcp_launch

#: What a stdio server gets of our environment, besides its configured variables.
_INHERITED = ("PATH", "HOME")

Streams = tuple[Any, Any]


@asynccontextmanager
async def open_transport(
    server: McpServer,
    environ: Mapping[str, str],
    *,
    egress: Egress,
    on_end: Callable[[], None],
    on_forgotten: Callable[[], None],
) -> AsyncIterator[Streams]:
    """Open the transport of one server.

    environ: where a stdio server's PATH and HOME come from. egress: where connections may go. on_end: called when the
    server ends the stream, so that nobody sends to a server that is gone. on_forgotten: called when an HTTP server says
    that it does not know the session.

    Yields: the SDK's read and write streams.
    Raises: ToolHostNotAllowed for a server whose address must not be connected to; OSError when it has none.
    """
    if server.transport == "stdio":
        opened = _stdio(server, environ)
    else:
        url = URL(server.url or "")
        checked = await egress.check(url.raw_host or "", url.port or 0)
        opened = (_streamable if server.transport == "http" else _legacy)(server, checked, on_forgotten)
    async with opened as (read, write):
        yield _WatchedRead(read, on_end), write


@asynccontextmanager
async def _stdio(server: McpServer, environ: Mapping[str, str]) -> AsyncIterator[Streams]:
    from mini_agent.tools.mcp.stdio import open_stdio

    env = {name: environ[name] for name in _INHERITED if name in environ} | server.env
    launch = [sys.executable, "-I", "-S", mcp_launch.__file__, *env, "--", server.command or "", *server.args]
    async with open_stdio(launch, env) as streams:
        yield streams


@asynccontextmanager
async def _streamable(
    server: McpServer, checked: CheckedHost, on_forgotten: Callable[[], None]
) -> AsyncIterator[Streams]:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    from mini_agent.tools.mcp.http import CheckedTransport

    timeout = httpx2.Timeout(server.timeout, read=None)
    transport = CheckedTransport(checked, on_forgotten)
    async with (
        httpx2.AsyncClient(headers=_auth(server), timeout=timeout, trust_env=False, transport=transport) as client,
        streamable_http_client(server.url or "", http_client=client) as streams,
    ):
        yield streams


@asynccontextmanager
async def _legacy(server: McpServer, checked: CheckedHost, on_forgotten: Callable[[], None]) -> AsyncIterator[Streams]:
    import httpx2
    from mcp.client.sse import sse_client

    from mini_agent.tools.mcp.http import CheckedTransport

    def client(
        headers: dict[str, str] | None = None, timeout: httpx2.Timeout | None = None, auth: httpx2.Auth | None = None
    ) -> httpx2.AsyncClient:
        transport = CheckedTransport(checked, on_forgotten)
        return httpx2.AsyncClient(headers=headers, timeout=timeout, auth=auth, trust_env=False, transport=transport)

    async with sse_client(server.url or "", headers=_auth(server), httpx_client_factory=client) as streams:
        yield streams


def _auth(server: McpServer) -> dict[str, str]:
    value = server.auth_value or ""
    if server.auth_type == "bearer":
        return {"Authorization": f"Bearer {value}"}
    if server.auth_type == "basic":
        # A value with a colon is user and password, one without is encoded already.
        encoded = base64.b64encode(value.encode()).decode() if ":" in value else value
        return {"Authorization": f"Basic {encoded}"}
    return {}


class _WatchedRead:
    """The SDK's read stream, telling when the other side has ended it."""

    def __init__(self, inner: Any, on_end: Callable[[], None]) -> None:
        self._inner = inner
        self._on_end = on_end

    @property
    def last_context(self) -> Any:
        """Returns: the sender's context, which the SDK looks for on its own streams."""
        return getattr(self._inner, "last_context", None)

    async def receive(self) -> Any:
        """Returns: the next message."""
        return await self._inner.receive()

    async def aclose(self) -> None:
        """Close the stream."""
        await self._inner.aclose()

    def __aiter__(self) -> Self:
        """Returns: itself."""
        return self

    async def __anext__(self) -> Any:
        """Returns: the next message. Raises: StopAsyncIteration at the end."""
        try:
            return await self._inner.__anext__()
        except StopAsyncIteration:
            self._on_end()
            raise

    async def __aenter__(self) -> Self:
        """Returns: itself, entered."""
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Leave the stream."""
        left: bool | None = await self._inner.__aexit__(kind, error, trace)
        return left
