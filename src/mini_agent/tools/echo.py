"""One tool that repeats its argument (GATEWAY 6.2). For library use; it touches nothing."""

from __future__ import annotations

from typing import Any

from mini_agent.agent.tool_values import function_spec, parse_arguments
from mini_agent.tools.protocol import dump, failed, read_call, succeeded


class EchoInvoker:
    """Offers `echo{text}`."""

    async def list_tools(self) -> list[dict[str, Any]]:
        """Returns: the spec of `echo`."""
        return [function_spec("echo", "Repeat a text.", {"text": {"type": "string"}}, ["text"])]

    async def call(self, tool_call: dict[str, Any]) -> str:
        """Returns: a record whose `text` and `result` are the argument, "" when it is unreadable."""
        name, raw = read_call(tool_call)
        if name.lower() != "echo":
            return dump(failed(name, "unknown tool"))
        text = (parse_arguments(raw) or {}).get("text")
        text = text if isinstance(text, str) else ""
        return dump(succeeded(name, text=text, result=text))

    async def aclose(self) -> None:
        """Nothing is open."""
