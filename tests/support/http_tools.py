"""An HTTP tool backend and its host, for one test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from mini_agent.agent.tool_values import function_spec
from mini_agent.tools.http import HttpInvoker
from support.tool_host import ToolHost

SPECS = [function_spec("Lookup", "Look up.", {})]


def with_host(
    test: Callable[[ToolHost, HttpInvoker], Awaitable[Any]], *replies: Any, tools: Any = SPECS, **options: Any
) -> Any:
    """Run `test` with a host and an invoker for it, and close both. Returns: what `test` returned."""

    async def main() -> Any:
        async with ToolHost(tools, *replies) as host:
            invoker = HttpInvoker(base_url=host.url, **options)
            try:
                return await test(host, invoker)
            finally:
                await invoker.aclose()

    return asyncio.run(main())
