"""Sorting tool calls: which may run, under which name, and which are refused."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mini_agent.agent.answers import RawCall
from mini_agent.agent.tool_values import EXEC_PYTHON, is_python_alias, parse_arguments, spec_name, wants_python


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """One call of a turn and what will become of it.

    name: the name to invoke. requested_name: the model's name, where it was rewritten. arguments: as the model sent
    them, text or a value. refused: True when no listed tool answers to the name.
    """

    index: int
    id: str
    name: str
    requested_name: str | None = None
    arguments: object
    refused: bool = False

    @property
    def arguments_raw(self) -> str:
        """Returns: the arguments as text."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments, default=str)

    def payload(self) -> dict[str, Any]:
        """Returns: a fresh OpenAI tool call for the invoker."""
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}


class AllowList:
    """The names an invoker listed, plus the aliases of `exec_python` when that is one of them."""

    def __init__(self, specs: Iterable[object]) -> None:
        names = (spec_name(spec) for spec in specs)
        self._names = {name.lower(): name for name in names if name is not None}

    def __contains__(self, name: str) -> bool:
        """Returns: True when a tool of that name, in any casing, was listed."""
        return name.lower() in self._names

    def resolve(self, name: str, arguments: Mapping[str, Any] | None) -> tuple[str, str | None] | None:
        """Find the tool that answers a call.

        Returns: the name to invoke and the requested one if it was rewritten; None for a refused call.
        """
        if name in self:
            return name, None
        python = self._names.get(EXEC_PYTHON)
        if python is None:
            return None
        if is_python_alias(name, arguments) or _is_code(name, arguments):
            return python, name
        return None


def _is_code(name: str, arguments: Mapping[str, Any] | None) -> bool:
    # Text of another language must never reach the Python interpreter, whatever the tool is called.
    if arguments is not None and not wants_python(arguments):
        return False
    return name.lower() in ("code", "python_code") or (arguments is not None and "code" in arguments)


def plan(calls: Sequence[RawCall], allowed: AllowList) -> list[PlannedCall]:
    """Sort the calls of one turn.

    Returns: one entry per call, in the model's order.
    """
    planned: list[PlannedCall] = []
    for index, call in enumerate(calls):
        target = allowed.resolve(call.name, parse_arguments(call.arguments))
        name, requested = target or (call.name, None)
        planned.append(
            PlannedCall(
                index=index,
                id=call.id,
                name=name,
                requested_name=requested,
                arguments=call.arguments,
                refused=target is None,
            )
        )
    return planned
