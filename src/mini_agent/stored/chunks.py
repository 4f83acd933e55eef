"""A streamed chat, put together as the completion that it would have been."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

#: Members of a delta that every chunk repeats, and that do not grow.
_SAME = frozenset({"role", "id", "type", "index", "name"})


class CompletionBuilder:
    """Takes the chunks of one stream. limit: bytes of chunks; of a longer stream nothing is kept."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}
        self._usage: Any = None

    def feed(self, payload: bytes) -> None:
        """Take a chunk as the caller gets it."""
        self._left -= len(payload)
        if self._left < 0:
            self._choices.clear()
            return
        chunk = msgspec.json.decode(payload)
        self._head = self._head or {name: chunk[name] for name in chunk if name not in ("choices", "usage")}
        self._usage = chunk.get("usage") or self._usage
        for choice in _objects(chunk.get("choices")):
            into = self._choices.setdefault(_number(choice.get("index")), {"message": {}, "logprobs": None})
            if isinstance(delta := choice.get("delta"), Mapping):
                _grow(into["message"], delta)
            into["finish_reason"] = choice.get("finish_reason") or into.get("finish_reason")
            if isinstance(given := choice.get("logprobs"), Mapping):
                into["logprobs"] = into["logprobs"] or {}
                _grow(into["logprobs"], given)

    def built(self) -> dict[str, Any] | None:
        """Returns: the completion, None unless every choice is finished."""
        if not self._choices or not all(choice["finish_reason"] for choice in self._choices.values()):
            return None
        choices = []
        for index in sorted(self._choices):
            choice = self._choices[index]
            message = {"role": "assistant", "content": None, "refusal": None, **choice["message"]}
            for call in _objects(message.get("tool_calls")):
                call.pop("index", None)
            choices.append({"index": index, **choice, "message": message})
        usage = {} if self._usage is None else {"usage": self._usage}
        return {**self._head, "object": "chat.completion", "choices": choices, **usage}


def _grow(into: dict[str, Any], delta: Mapping[str, Any]) -> None:
    """Add what arrived: texts get longer, lists get more items, items with the same index are one."""
    for name, value in delta.items():
        known = into.get(name)
        if isinstance(value, str) and isinstance(known, str) and name not in _SAME:
            into[name] = ""  # So that `known` is nobody else's: then it grows in place, without a copy for each piece.
            known += value
            into[name] = known
        elif isinstance(value, Mapping):
            if not isinstance(known, dict):
                into[name] = known = {}
            _grow(known, value)
        elif isinstance(value, list):
            if not isinstance(known, list):
                into[name] = known = []
            _grow_list(known, value)
        elif value is not None or name not in into:
            into[name] = value


def _grow_list(items: list[Any], pieces: list[Any]) -> None:
    for piece in pieces:
        if not isinstance(piece, Mapping) or "index" not in piece:
            items.append(piece)
            continue
        same = next((item for item in _objects(items) if item.get("index") == piece["index"]), None)
        if same is None:
            items.append(same := {})
        _grow(same, piece)


def _objects(value: Any) -> list[dict[str, Any]]:
    """Returns: the objects of a list, without what a provider should not have put there."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _number(index: Any) -> int:
    return index if isinstance(index, int) else 0
