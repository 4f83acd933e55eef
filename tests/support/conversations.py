"""What every recorded conversation must hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any


def texts(messages: Sequence[dict[str, Any]], role: str) -> list[Any]:
    """Returns: contents of the messages of one role."""
    return [message["content"] for message in messages if message["role"] == role]


def answered_once(messages: Sequence[dict[str, Any]]) -> bool:
    """Returns: True when every call id has exactly one tool message, right behind its call, in call order."""
    expected: list[str] = []
    seen: Counter[str] = Counter()
    for message in messages:
        if message["role"] == "tool":
            if not expected or message["tool_call_id"] != expected.pop(0):
                return False
            seen[message["tool_call_id"]] += 1
            continue
        if expected:
            return False
        expected = [call["id"] for call in message.get("tool_calls") or ()]
    return not expected and all(count == 1 for count in seen.values())
