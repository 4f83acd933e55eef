"""Thoughts in Responses: items of type `reasoning`, whose `encrypted_content` no client can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mini_agent.dialects.names import Dialect
from mini_agent.dialects.reading import optional_text, read_objects, read_text
from mini_agent.dialects.request import Reasoning
from mini_agent.dialects.sealed import seal, unseal

_ME = Dialect.RESPONSES
#: Between two parts of a summary.
BREAK = "\n\n"


def read_thought(item: Mapping[str, Any], where: str) -> Reasoning:
    """Read an item of the caller's. Returns: the thought, as its provider wrote it. Raises: InvalidParameter."""
    texts = [
        read_text(part.get("text"), f"{where}.{name}[{at}].text")
        for name in ("summary", "content")
        for at, part in enumerate(read_objects(item.get(name) or [], f"{where}.{name}"))
    ]
    text = BREAK.join(texts)
    word = optional_text(item.get("encrypted_content"), f"{where}.encrypted_content") or ""
    foreign = unseal(word, text)
    return Reasoning(text, _ME, dict(item)) if foreign is None else foreign


def text_of_item(item: Mapping[str, Any]) -> str:
    """Returns: what people may read of a provider's item."""
    parts = [*(item.get("summary") or ()), *(item.get("content") or ())]
    return BREAK.join(part["text"] for part in parts if isinstance(part, Mapping) and isinstance(part.get("text"), str))


def thought_to_provider(reasoning: Reasoning, *, stored: bool) -> dict[str, Any] | None:
    """Returns: the item that gives a thought back to its provider, None where it is another's.

    stored: whether the provider keeps its items; otherwise it knows only such as carry their content.
    """
    if reasoning.origin is not _ME or reasoning.native is None:
        return None
    if not stored and not reasoning.native.get("encrypted_content"):
        return None
    return {key: value for key, value in reasoning.native.items() if key != "status"}


def item_of_thought(reasoning: Reasoning, item_id: str, status: str = "completed") -> dict[str, Any]:
    """Returns: a thought as an item for a caller, which comes back to its provider unchanged."""
    if reasoning.origin is _ME and reasoning.native is not None:
        return dict(reasoning.native)
    summary = [{"type": "summary_text", "text": reasoning.text}] if reasoning.text else []
    item = {"id": item_id, "type": "reasoning", "summary": summary, "encrypted_content": seal(reasoning) or None}
    return {**item, "status": status}
