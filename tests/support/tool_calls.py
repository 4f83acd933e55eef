"""Calling a tool backend from a test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from mini_agent.tools.protocol import ClosableInvoker


def call(name: str, arguments: Any = None, call_id: str = "a") -> dict[str, Any]:
    """Returns: an OpenAI tool call; arguments that are no string become JSON text."""
    text = arguments if isinstance(arguments, str) else json.dumps({} if arguments is None else arguments)
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}}


async def calling(tools: ClosableInvoker, name: str, arguments: Any = None) -> dict[str, Any]:
    """Returns: the record that a call answers."""
    record: dict[str, Any] = json.loads(await tools.call(call(name, arguments)))
    return record


def once(make: Callable[[], ClosableInvoker], name: str, arguments: Any = None) -> dict[str, Any]:
    """Make an invoker, call it once on a loop of its own, close it. Returns: the record."""

    async def main() -> dict[str, Any]:
        tools = make()
        try:
            return await calling(tools, name, arguments)
        finally:
            await tools.aclose()

    return asyncio.run(main())
