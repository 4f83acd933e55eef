"""A tool invoker without tools of its own: what each name answers is given by the test."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from mini_agent.agent.tool_values import function_spec


class ScriptedTools:
    """Lists `answers`' names.

    A value answers every call of its name: text as it is, an exception is raised, a callable
    gets the call (and is awaited), anything else becomes JSON.

    calls: every call. listings: how often it was asked for its tools. closed: True after `aclose`.
    """

    def __init__(self, listing: BaseException | None = None, **answers: Any) -> None:
        self._listing = listing
        self._answers = answers
        self.calls: list[dict[str, Any]] = []
        self.listings = 0
        self.closed = False

    @property
    def names(self) -> list[str]:
        """Returns: names of the calls, in order."""
        return [call["function"]["name"] for call in self.calls]

    async def list_tools(self) -> list[dict[str, Any]]:
        """Returns: one spec per name. Raises: `listing` when one was given."""
        self.listings += 1
        if self._listing is not None:
            raise self._listing
        return [function_spec(name, name, {}) for name in self._answers]

    async def call(self, tool_call: dict[str, Any]) -> str:
        """Returns: the answer of that name."""
        self.calls.append(tool_call)
        answer = self._answers[tool_call["function"]["name"].lower()]
        if isinstance(answer, BaseException):
            raise answer
        if callable(answer):
            made: Callable[[dict[str, Any]], Any] = answer
            answer = made(tool_call)
            if isinstance(answer, Awaitable):
                answer = await answer
        return answer if isinstance(answer, str) else json.dumps(answer)

    async def aclose(self) -> None:
        """Remember that the owner has closed the tools."""
        self.closed = True
