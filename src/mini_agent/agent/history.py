"""History pruning by atomic groups: a pure function from a conversation to what the model sees of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: What a content part other than text counts, in characters.
OTHER_PART_SIZE = 256

_SYSTEM_ROLES = ("system", "developer")


@dataclass(frozen=True, slots=True)
class Group:
    """Messages that stay or leave together.

    kind: `system`, `user`, `tools` (an assistant message with tool calls and its replies) or `other`.
    indices: positions in the conversation, ascending.
    """

    kind: str
    indices: tuple[int, ...]


def group_messages(messages: Sequence[Mapping[str, Any]]) -> list[Group]:
    """Split a conversation into atomic groups.

    A tool message belongs to the nearest earlier assistant message that made its call.

    Returns: the groups in order of their first message; orphan tool messages are in none.
    """
    kinds: list[str] = []
    members: list[list[int]] = []
    caller: dict[str, int] = {}
    for index, message in enumerate(messages):
        role = message.get("role")
        if role == "tool":
            group = caller.get(str(message.get("tool_call_id")))
            if group is not None:
                members[group].append(index)
            continue
        calls = message.get("tool_calls") if role == "assistant" else None
        if calls:
            caller.update({str(call.get("id")): len(members) for call in calls if isinstance(call, Mapping)})
        kinds.append(_kind(role, bool(calls)))
        members.append([index])
    return [Group(kind, tuple(indices)) for kind, indices in zip(kinds, members, strict=True)]


def _kind(role: object, has_calls: bool) -> str:
    if role in _SYSTEM_ROLES:
        return "system"
    if has_calls:
        return "tools"
    return "user" if role == "user" else "other"


def message_size(message: Mapping[str, Any]) -> int:
    """Returns: characters of string content, text parts, tool-call names and arguments; 256 for any other part."""
    return _content_size(message.get("content")) + sum(_call_size(call) for call in message.get("tool_calls") or ())


def _content_size(content: object) -> int:
    if content is None:
        return 0
    if isinstance(content, str):
        return len(content)
    if isinstance(content, list):
        return sum(_part_size(part) for part in content)
    return OTHER_PART_SIZE


def _part_size(part: object) -> int:
    if isinstance(part, str):
        return len(part)
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return len(part["text"])
    return OTHER_PART_SIZE


def _call_size(call: object) -> int:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping):
        return 0
    arguments = function.get("arguments") or ""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, default=str)
    return len(str(function.get("name") or "")) + len(text)


def prune(messages: Sequence[dict[str, Any]], max_messages: int, char_budget: int) -> list[dict[str, Any]]:
    """Choose what a model sees of a conversation (GATEWAY 5.5).

    Essential are all system messages, the last tool-call group and the most recent user message: they stay even when
    they exceed both limits. max_messages: limit of non-system messages. char_budget: limit of `message_size`.

    Returns: a new list of the same message objects in their order, without orphans and without split groups.
    """
    groups = group_messages(messages)
    essential = _essential(groups)
    kept = _newest(groups, essential, max_messages)
    sizes = {n: sum(message_size(messages[index]) for index in groups[n].indices) for n in kept}
    total = sum(sizes.values())
    for number in sorted(kept - essential):
        if total <= char_budget:
            break
        kept.discard(number)
        total -= sizes[number]
    return [messages[index] for index in sorted(index for number in kept for index in groups[number].indices)]


def _essential(groups: Sequence[Group]) -> set[int]:
    essential = {number for number, group in enumerate(groups) if group.kind == "system"}
    for kind in ("tools", "user"):
        last = max((number for number, group in enumerate(groups) if group.kind == kind), default=None)
        if last is not None:
            essential.add(last)
    return essential


def _newest(groups: Sequence[Group], essential: set[int], max_messages: int) -> set[int]:
    kept = set(essential)
    count = sum(len(groups[number].indices) for number in essential if groups[number].kind != "system")
    for number in range(len(groups) - 1, -1, -1):
        if number in kept:
            continue
        count += len(groups[number].indices)
        if count > max_messages:
            break
        kept.add(number)
    return kept
