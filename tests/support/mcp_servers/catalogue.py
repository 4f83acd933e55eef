"""The tools of both test servers, on the official SDK. All are coroutines: the SDK runs others in threads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from mcp.server import MCPServer
from mcp_types import CallToolResult, ImageContent, TextContent


def build(name: str, *extra: str) -> MCPServer:
    """Returns: a server with the catalogue, plus one tool that answers its own name for each name in `extra`."""
    server = MCPServer(name)

    @server.tool()
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @server.tool()
    async def lines() -> CallToolResult:
        """Two text parts with a picture between them."""
        picture = ImageContent(type="image", data="AAAA", mime_type="image/png")
        return CallToolResult(
            content=[TextContent(type="text", text="one"), picture, TextContent(type="text", text="two")]
        )

    @server.tool()
    async def table() -> CallToolResult:
        """Structured content and no text."""
        return CallToolResult(content=[], structured_content={"rows": [1, 2]})

    @server.tool()
    async def fails(reason: str) -> str:
        """Fail."""
        raise ValueError(reason)

    @server.tool()
    async def environment() -> str:
        """Names of the server's variables."""
        return " ".join(sorted(os.environ))

    @server.tool()
    async def pid() -> str:
        """Process id of the server."""
        return str(os.getpid())

    @server.tool()
    async def die() -> str:
        """End the server at once, without an answer."""
        os._exit(3)

    @server.tool()
    async def hang(flag: str) -> str:
        """Write to a file, then never answer."""
        Path(flag).write_text("hanging")
        await asyncio.Event().wait()
        return "never"

    for tool in extra:
        server.add_tool(_saying(tool), name=tool, description=f"Say {tool}.")
    return server


def _saying(text: str) -> Callable[[], Awaitable[str]]:
    async def say() -> str:
        return text

    return say
