"""Tool calls that arrive in fragments, put together (GATEWAY.md 9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["ToolCallFragments"]


@dataclass(slots=True)
class _Call:
    call_id: str = ""
    name: str = ""
    arguments: str = ""


class ToolCallFragments:
    """Collects the `tool_calls` of a stream's deltas.

    A fragment belongs to the call of its `index`; without one, to the call of its `id`; without both, to the newest.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}

    def add(self, fragment: Mapping[str, Any]) -> None:
        """Take one fragment. The first non-empty id and name of a call stand; arguments are concatenated."""
        call = self._call_of(fragment)
        function = fragment.get("function")
        parts: Mapping[str, Any] = function if isinstance(function, Mapping) else {}
        call.call_id = call.call_id or _text(fragment.get("id"))
        call.name = call.name or _text(parts.get("name"))
        call.arguments += _text(parts.get("arguments"))

    def calls(self) -> list[dict[str, Any]]:
        """Returns: the calls so far as OpenAI writes them whole, in the order in which they began."""
        return [
            {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in self._calls
        ]

    def _call_of(self, fragment: Mapping[str, Any]) -> _Call:
        index, call_id = fragment.get("index"), _text(fragment.get("id"))
        if isinstance(index, int):
            if index not in self._by_index:
                self._by_index[index] = self._begin()
            return self._by_index[index]
        if call_id:
            return next((call for call in self._calls if call.call_id == call_id), None) or self._begin()
        return self._calls[-1] if self._calls else self._begin()

    def _begin(self) -> _Call:
        self._calls.append(_Call())
        return self._calls[-1]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
