"""Tools of the configured MCP servers (GATEWAY 6.5)."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from mini_agent.agent.tool_values import INVALID_ARGUMENTS, parse_arguments
from mini_agent.tools.mcp.pool import McpPool, McpServerSessions
from mini_agent.tools.mcp.session import McpFailure
from mini_agent.tools.protocol import capped, dump, failed, ms_since, read_call, succeeded

_log = logging.getLogger("mini_agent.tools")


class McpInvoker:
    """One run's view of all servers: their tools under names that are unique together.

    pool: shared by all runs and closed by its owner. user_id: whose sessions are used, None for those of nobody.
    timeout_s: seconds per call, beside the server's own limit; None for that one alone.
    max_output_bytes: kept of a result's text.

    Raises: ProviderNotConfigured without servers, or without the optional `mcp` package.
    """

    def __init__(
        self,
        pool: McpPool,
        user_id: str | None = None,
        *,
        timeout_s: float | None = None,
        max_output_bytes: int = 65536,
    ) -> None:
        pool.require()
        self._servers = pool.servers
        self._clock = pool.clock
        self._user_id = user_id
        self._timeout_s = timeout_s
        self._max_output_bytes = max_output_bytes
        self._routes: dict[str, tuple[McpServerSessions, str]] | None = None

    async def list_tools(self) -> list[dict[str, Any]]:
        """Ask all servers at once. One that fails only lacks its tools, with a warning.

        Returns: specs in configured order; a name that an earlier server has becomes `<server>__<tool>`.
        """
        listings = await asyncio.gather(*(self._listing(server) for server in self._servers))
        routes: dict[str, tuple[McpServerSessions, str]] = {}
        specs: list[dict[str, Any]] = []
        for server, tools in zip(self._servers, listings, strict=True):
            for tool in tools:
                name = _free_name(tool.name, server.name, routes)
                routes[name.lower()] = (server, tool.name)
                function = {"name": name, "description": tool.description or "", "parameters": tool.input_schema}
                specs.append({"type": "function", "function": function})
        self._routes = routes
        return specs

    async def call(self, tool_call: dict[str, Any]) -> str:
        """Run one call at the server that has the tool.

        Returns: its record as JSON text.
        """
        started = self._clock.monotonic()
        name, raw = read_call(tool_call)
        try:
            async with asyncio.timeout(self._timeout_s):
                record = await self._call(name, raw)
        except TimeoutError:
            record = failed(name, f"timeout after {self._timeout_s:g}s")
        return dump(record | {"t_ms": ms_since(self._clock, started)})

    async def aclose(self) -> None:
        """The sessions belong to the pool and stay open for the next run."""

    async def _listing(self, server: McpServerSessions) -> list[Any]:
        try:
            return await server.of(self._user_id).list_tools()
        except McpFailure as failure:
            _log.warning("tools of MCP server '%s' are left out: %s", server.name, failure)
            return []

    async def _call(self, name: str, raw: Any) -> dict[str, Any]:
        if self._routes is None:
            await self.list_tools()
        route = (self._routes or {}).get(name.lower())
        if route is None:
            return failed(name, f"unknown tool '{name}'")
        # Models write nothing at all for a tool without parameters.
        arguments = {} if raw is None or raw == "" else parse_arguments(raw)
        if arguments is None:
            return failed(name, INVALID_ARGUMENTS)
        server, own_name = route
        try:
            result = await server.of(self._user_id).call_tool(own_name, arguments)
        except McpFailure as failure:
            return failed(name, str(failure))
        text, truncated = capped(_result_text(result), self._max_output_bytes)
        if result.is_error:
            return failed(name, text or "the tool reported a failure", truncated=truncated)
        return succeeded(name, result=text, truncated=truncated)


def _free_name(tool: str, server: str, taken: dict[str, Any]) -> str:
    name = tool if tool.lower() not in taken else f"{server}__{tool}"
    while name.lower() in taken:
        name += "_"
    return name


def _result_text(result: Any) -> str:
    texts = [part.text for part in result.content if isinstance(getattr(part, "text", None), str)]
    if texts or result.structured_content is None:
        return "\n".join(texts)
    return json.dumps(result.structured_content, ensure_ascii=False)
