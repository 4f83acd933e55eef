"""One call of a tool of the gateway's, and what the model reads of it (GATEWAY 6.7)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence

from mini_agent.agent.calls import PlannedCall
from mini_agent.agent.records import message_text, record_from
from mini_agent.agent.tool_values import parse_arguments
from mini_agent.core.text import json_or
from mini_agent.dialects.request import ToolCall
from mini_agent.tools.protocol import ClosableInvoker


class ToolRunner:
    """Runs the calls of a turn. tools: who answers. timeout_s: for one call of a tool."""

    def __init__(self, tools: ClosableInvoker, *, timeout_s: float, log: logging.Logger) -> None:
        self.tools = tools
        self._timeout_s = timeout_s
        self._log = log

    async def run_all(self, calls: Sequence[ToolCall], *, finished: bool) -> list[str]:
        """Run the calls of one turn. finished: whether the turn came to its end; otherwise a call may be cut off.

        Returns: what the model reads of each.
        """
        return await asyncio.gather(*(self._run(call, finished) for call in calls))

    async def _run(self, call: ToolCall, finished: bool) -> str:
        arguments = {} if not call.arguments.strip() or call.arguments == "null" else parse_arguments(call.arguments)
        if not finished or arguments is None:
            return f"error: call '{call.id}' of tool '{call.name}' was cut off before its arguments were complete"
        function = {"name": call.name, "arguments": json.dumps(arguments)}
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self.tools.call({"id": call.id, "type": "function", "function": function})
        except TimeoutError:
            return f"error: timeout after {self._timeout_s:g}s"
        except Exception as error:  # noqa: BLE001 - a failing tool is something for the model to read; it is logged
            self._log.warning("a tool failed", extra={"facts": {"type": type(error).__name__}})
            return f"error: the tool failed: {type(error).__name__}"
        return _words(call, answer)


def _words(call: ToolCall, answer: str) -> str:
    """Returns: the words for the model in a tool's answer, cut as in agent runs (GATEWAY 5.3)."""
    fields = json_or(answer)
    if isinstance(fields, dict) and isinstance(text := fields.get("text"), str):
        # Tools that write for the model say all of it there, failures included.
        answer = json.dumps({"text": text})
    planned = PlannedCall(index=0, id=call.id, name=call.name, arguments=call.arguments)
    return message_text(record_from(planned, answer, model="", t_ms=0.0))
