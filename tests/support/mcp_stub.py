"""An MCP server over HTTP in a few lines, whose sessions, cookies and faults a test decides."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from mini_agent.settings.schema import McpServer
from mini_agent.tools.mcp.pool import McpPool

_GZIP = {"Content-Encoding": "gzip"}


class McpStub:
    """Answers calls by the name of the tool. opened: sessions. seen: session id and cookie of each request.

    forget: whether the next request finds its session forgotten.
    """

    def __init__(self) -> None:
        self.opened = 0
        self.seen: list[tuple[str, str]] = []
        self.forget = False

    @property
    def app(self) -> web.Application:
        """Returns: the application that serves it, at `/mcp`."""
        app = web.Application()
        app.router.add_route("*", "/mcp", self.serve)
        return app

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one message."""
        self.seen.append((request.headers.get("mcp-session-id", ""), request.headers.get("cookie", "")))
        if request.method != "POST":
            return web.Response(status=405)
        message = await request.json()
        if self.forget and "mcp-session-id" in request.headers:
            self.forget = False
            return _error(message.get("id"), -32600, "Session not found", 404)
        if "id" not in message:
            return web.Response(status=202)
        if message.get("params", {}).get("name") == "stuck":
            await asyncio.Event().wait()
        made = {"initialize": self._initialize, "tools/list": self._list, "tools/call": self._call}.get(
            message["method"]
        )
        return _error(message["id"], -32601, "no such method") if made is None else made(message)

    def _initialize(self, message: dict[str, Any]) -> web.Response:
        self.opened += 1
        version = message["params"]["protocolVersion"]
        result = {
            "protocolVersion": version,
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "s", "version": "1"},
        }
        headers = {"mcp-session-id": f"session-{self.opened}", "set-cookie": f"sid={self.opened}"}
        return _result(message, result, headers)

    def _list(self, message: dict[str, Any]) -> web.Response:
        tools = [{"name": name, "inputSchema": {"type": "object"}} for name in ("good", "bad", "long", "bomb", "stuck")]
        return _result(message, {"tools": tools})

    def _call(self, message: dict[str, Any]) -> web.Response:
        name = message["params"]["name"]
        if name == "bad":
            return _error(message["id"], -32600, "I do not like this one")
        text = "x" * 9_000_000 if name == "long" else "fine"
        if name == "bomb":
            body = gzip.compress(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {}}).encode(), mtime=0)
            return web.Response(body=body, content_type="application/json", headers=_GZIP)
        return _result(message, {"content": [{"type": "text", "text": text}]})


def _result(message: dict[str, Any], result: Any, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"jsonrpc": "2.0", "id": message["id"], "result": result}, headers=headers)


def _error(number: Any, code: int, text: str, status: int = 200) -> web.Response:
    error = {"code": code, "message": text}
    return web.json_response({"jsonrpc": "2.0", "id": number, "error": error}, status=status)


def with_stub(test: Callable[[McpStub, McpPool], Awaitable[None]]) -> None:
    """Run a test with a stub and a pool that has it for its one server."""

    async def main() -> None:
        stub = McpStub()
        runner = web.AppRunner(stub.app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/mcp"
        pool = McpPool({"stub": McpServer(transport="http", url=url, timeout=5)}, {})
        try:
            await test(stub, pool)
        finally:
            await pool.aclose()
            await runner.cleanup()

    asyncio.run(main())
