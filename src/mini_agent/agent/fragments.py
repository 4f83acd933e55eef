"""Tool calls of an answer, whole or in the pieces of a stream (GATEWAY 9)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["CollectedCall", "ToolFragments"]


@dataclass(slots=True)
class CollectedCall:
    """One call so far. arguments: the text as the model wrote it, maybe cut off."""

    id: str = ""
    name: str = ""
    arguments: str = ""


class ToolFragments:
    """Collects pieces: by index; without one the id decides, else a piece belongs to the newest call.

    The first non-empty id and name are kept, arguments are joined.
    """

    def __init__(self) -> None:
        self._calls: list[CollectedCall] = []
        self._by_index: dict[int, CollectedCall] = {}

    def __bool__(self) -> bool:
        """Returns: whether there is any call."""
        return bool(self._calls)

    def add(self, pieces: object) -> None:
        """Take the `tool_calls` of a delta; what is no list of objects is ignored."""
        for piece in _objects(pieces):
            self._fill(self._call_of(piece), piece)

    def add_whole(self, calls: object) -> None:
        """Take the `tool_calls` of a message, in which each object is a call of its own."""
        for call in _objects(calls):
            self._fill(self._new(), call)

    def calls(self, prefix: str) -> Sequence[CollectedCall]:
        """Returns: the calls in order; one without an id gets `prefix` and its position for one."""
        for position, call in enumerate(self._calls):
            call.id = call.id or f"{prefix}{position}"
        return self._calls

    def _fill(self, call: CollectedCall, piece: Mapping[str, Any]) -> None:
        function = piece.get("function")
        fields = function if isinstance(function, Mapping) else {}
        call.id = call.id or _id(piece)
        if not call.name and isinstance(name := fields.get("name"), str):
            call.name = name
        arguments = fields.get("arguments")
        if arguments is not None:
            call.arguments += arguments if isinstance(arguments, str) else json.dumps(arguments)

    def _call_of(self, piece: Mapping[str, Any]) -> CollectedCall:
        index, call_id = piece.get("index"), _id(piece)
        if isinstance(index, int) and not isinstance(index, bool):
            if index not in self._by_index:
                self._by_index[index] = self._new()
            return self._by_index[index]
        if call_id:
            return next((call for call in self._calls if call.id == call_id), None) or self._new()
        return self._calls[-1] if self._calls else self._new()

    def _new(self) -> CollectedCall:
        self._calls.append(CollectedCall())
        return self._calls[-1]


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _id(piece: Mapping[str, Any]) -> str:
    return piece["id"] if isinstance(piece.get("id"), str) else ""
