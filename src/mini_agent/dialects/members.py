"""Which members of a turn, of its parts and of a tool are understood: what else a caller writes there counts as lost.

A provider of the caller's own dialect gets all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mini_agent.dialects.names import CONVERSATION, Dialect

_MARKS = "cache_control prompt_cache_breakpoint"
_TURN = "type role content"

#: Per dialect, of each kind of object. `turn` is a message, `tool` one that the caller runs; the others are named by
#: their `type`. A kind that is not here is kept whole or refused, so nothing of it is lost in silence.
MEMBERS: Mapping[Dialect, Mapping[str, frozenset[str]]] = {
    dialect: {kind: frozenset(names.split()) for kind, names in kinds.items()}
    for dialect, kinds in {
        Dialect.CHAT: {
            "turn": f"{_TURN} tool_calls tool_call_id refusal audio function_call reasoning_content reasoning "
            f"thinking_blocks {_MARKS}",
            "tool": f"type function custom {_MARKS}",
            "text": f"type text {_MARKS}",
            "image_url": f"type image_url {_MARKS}",
            "file": f"type file {_MARKS}",
        },
        Dialect.MESSAGES: {
            "turn": _TURN,
            "tool": "type name description input_schema strict cache_control",
            "text": "type text cache_control",
            "image": "type source cache_control",
            "document": "type source title context cache_control",
            "tool_use": "type id name input cache_control",
            "tool_result": "type tool_use_id content is_error cache_control",
        },
        # An item's own id and status say nothing to another provider.
        Dialect.RESPONSES: {
            "turn": f"{_TURN} id status",
            "tool": "type name description parameters strict format",
            "function_call": "type id status call_id name arguments",
            "function_call_output": "type id status call_id output",
            "custom_tool_call": "type id status call_id name input",
            "custom_tool_call_output": "type id status call_id output",
            "input_text": f"type text {_MARKS}",
            "output_text": "type text",
            "input_image": f"type image_url file_id detail {_MARKS}",
            "input_file": f"type file_data file_url file_id filename {_MARKS}",
        },
    }.items()
}


def unread(body: Mapping[str, Any], dialect: Dialect) -> Iterable[str]:
    """Yield what another dialect's provider will not learn of, as `messages.name` or `tools.defer_loading`.

    body: one that was read without an error.
    """
    members, name = MEMBERS[dialect], CONVERSATION[dialect]
    given = body[name]
    for turn in given if isinstance(given, list) else ():
        kind = turn.get("type", "message") if dialect is Dialect.RESPONSES else "message"
        yield from _lost(turn, members.get("turn" if kind == "message" else kind), name)
        yield from _inside(turn.get("content", turn.get("output")), members, name)
    for tool in body.get("tools") or ():
        if tool.get("type") in (None, "function", "custom"):
            yield from _lost(tool, members["tool"], "tools")


def _inside(content: object, members: Mapping[str, frozenset[str]], name: str) -> Iterable[str]:
    for part in content if isinstance(content, list) else ():
        if isinstance(part, Mapping):
            yield from _lost(part, members.get(part["type"]), name)
            if part["type"] == "tool_result":
                yield from _inside(part.get("content"), members, name)


def _lost(value: Mapping[str, Any], read: frozenset[str] | None, name: str) -> Iterable[str]:
    if read is None or value.keys() <= read:
        return
    yield from (f"{name}.{member}" for member in value.keys() - read if value[member] not in (None, False, "", [], {}))
