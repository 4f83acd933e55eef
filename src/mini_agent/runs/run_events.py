"""What a run tells of itself while it goes on: turns, text, calls of tools and their results."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mini_agent.core.text import json_or
from mini_agent.tools.protocol import ClosableInvoker, read_call


class RunEvents:
    """Makes the events of one run. tell: takes each of them, a JSON object with a `type`."""

    def __init__(self, tell: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        self._tell = tell
        self._turn = 0
        self._begun = True
        self._model = ""

    def begin_turn(self, model: str) -> None:
        """Note that a model is asked. It is told with the first that it says: until then it may still refuse."""
        self._turn += 1
        self._begun = False
        self._model = model

    async def tell_text(self, text: str) -> None:
        """Tell of a piece of text. An empty one shows that the model has begun."""
        if not self._begun:
            self._begun = True
            await self._event("turn.started", model=self._model)
        if text:
            await self._event("text.delta", delta=text)

    async def end_turn(self, message: Mapping[str, Any]) -> None:
        """Tell of all that a model has said."""
        await self.tell_text("")
        await self._event("turn.completed", message=message)

    async def tell_call(self, tool_call: Mapping[str, Any]) -> None:
        """Tell of a call of a tool, which runs from now on."""
        name, arguments = read_call(tool_call)
        await self._event("tool.started", id=tool_call.get("id"), name=name, arguments=arguments)

    async def tell_result(self, tool_call: Mapping[str, Any], result: str) -> None:
        """Tell what a tool gave. result: its answer, a JSON object as text."""
        name, _ = read_call(tool_call)
        await self._event("tool.completed", id=tool_call.get("id"), name=name, result=json_or(result, result))

    async def _event(self, kind: str, **members: Any) -> None:
        await self._tell({"type": kind, "turn": self._turn, **members})


class ToldTools:
    """Runs the tools of `inner`, and tells of each call."""

    def __init__(self, inner: ClosableInvoker, events: RunEvents) -> None:
        self._inner = inner
        self._events = events

    async def list_tools(self) -> list[dict[str, Any]]:
        """Returns: the specs of `inner`. Raises: ToolListingFailed."""
        return await self._inner.list_tools()

    async def call(self, tool_call: dict[str, Any]) -> str:
        """Run a call. Returns: what the tool gave."""
        await self._events.tell_call(tool_call)
        result = await self._inner.call(tool_call)
        await self._events.tell_result(tool_call, result)
        return result

    async def aclose(self) -> None:
        """Let go of what `inner` opened."""
        await self._inner.aclose()
