"""A conversation that was made shorter: an item of Responses that holds a summary of what it replaces.

The protocol gives it a member that only its writer reads, `encrypted_content`. Ours is the summary in base64, so that
it means the same to every provider; what comes back is the caller's word, and is read as that: a turn of the user's.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any

_MARK = "mini-agent.c1."
#: What the model is asked for.
PROMPT = (
    "Summarise this conversation for whoever continues it without having seen it: the goals and constraints, decisions "
    "and their reasons, facts, names and values that are still needed, results of tools, what is done and what is "
    "left. Answer with the summary only."
)
_HEADING = "Summary of the conversation so far:\n\n"


def compacted(item_id: str, summary: str) -> dict[str, Any]:
    """Returns: the item that stands for a conversation."""
    packed = urlsafe_b64encode(summary.encode()).rstrip(b"=").decode()
    return {"id": f"cmp_{item_id}", "type": "compaction", "encrypted_content": f"{_MARK}{packed}"}


def opened(items: Sequence[Any]) -> list[Any]:
    """Returns: the items of an input, turns in the place of our own compactions."""
    return [item if (summary := _summary_of(item)) is None else _turn(summary) for item in items]


def _turn(summary: str) -> dict[str, Any]:
    text = [{"type": "input_text", "text": f"{_HEADING}{summary}"}]
    return {"type": "message", "role": "user", "content": text}


def _summary_of(item: object) -> str | None:
    if not isinstance(item, Mapping) or item.get("type") not in ("compaction", "compaction_summary"):
        return None
    word = item.get("encrypted_content")
    if not isinstance(word, str) or not word.startswith(_MARK):
        return None
    packed = word.removeprefix(_MARK)
    try:
        return urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()
    except (ValueError, binascii.Error):
        return ""


def is_summary(item: Mapping[str, Any]) -> bool:
    """Returns: whether an item is the turn that one of our own compactions was read as."""
    content = item.get("content")
    first = content[0] if isinstance(content, list) and content and isinstance(content[0], Mapping) else {}
    return str(first.get("text") or "").startswith(_HEADING)
