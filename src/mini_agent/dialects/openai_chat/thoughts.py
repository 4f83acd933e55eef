"""Thoughts in Chat Completions. OpenAI has no place for them; others agreed on these members of a message:

`reasoning_content` (DeepSeek, vLLM, LiteLLM) or `reasoning` (OpenRouter, newer vLLM) is the text, `thinking_blocks`
(LiteLLM) are Anthropic's blocks with their signatures. Ours towards callers are the first and the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mini_agent.dialects.names import Dialect
from mini_agent.dialects.reading import optional_text, read_object, read_objects, read_text
from mini_agent.dialects.request import Reasoning
from mini_agent.dialects.sealed import seal, unseal

_ME = Dialect.CHAT
#: Members that hold the text.
TEXTS = ("reasoning_content", "reasoning")
#: All members that a message's thought is in.
MEMBERS = (*TEXTS, "thinking_blocks")


def read_thought(message: Mapping[str, Any], where: str) -> list[Reasoning]:
    """Read the thoughts in a message of the caller's. Returns: them, each as its provider wrote it."""
    blocks = message.get("thinking_blocks")
    if blocks is not None:
        where = f"{where}.thinking_blocks"
        return [_read_block(block, f"{where}[{at}]") for at, block in enumerate(read_objects(blocks, where))]
    for name in TEXTS:
        if text := optional_text(message.get(name), f"{where}.{name}"):
            return [Reasoning(text, _ME, {name: text})]
    return []


def _read_block(block: Mapping[str, Any], where: str) -> Reasoning:
    text = read_text(block.get("thinking") or "", f"{where}.thinking")
    word = read_text(block.get("signature") or block.get("data") or "", f"{where}.signature")
    foreign = unseal(word, text)
    if foreign is not None:
        return foreign
    return Reasoning(text, Dialect.MESSAGES, dict(read_object(block, where)) if word else None)


def thought_of_answer(texts: Mapping[str, str], blocks: Iterable[Mapping[str, Any]]) -> Reasoning | None:
    """Read the thought of a provider's answer. texts: by member. blocks: its `thinking_blocks`.

    Returns: the thought, None without one.
    """
    native: dict[str, Any] = dict(texts)
    whole = [dict(block) for block in blocks]
    if whole:
        native["thinking_blocks"] = whole
    text = next((texts[name] for name in TEXTS if texts.get(name)), "")
    return (
        Reasoning(text or "".join(str(block.get("thinking") or "") for block in whole), _ME, native) if native else None
    )


def thought_to_provider(reasoning: Reasoning) -> dict[str, Any] | None:
    """Returns: the members of a message that give a thought back to its provider, None where it is another's."""
    return dict(reasoning.native) if reasoning.origin is _ME and reasoning.native is not None else None


def thoughts_to_caller(thoughts: Iterable[Reasoning]) -> dict[str, Any]:
    """Returns: the members of a message that show thoughts and keep them for the next turn."""
    thoughts = list(thoughts)
    own = next((thought.native for thought in thoughts if thought.origin is _ME and thought.native), None)
    if own is not None:
        return dict(own)
    blocks = [block for thought in thoughts for block in caller_blocks(thought)]
    text = "\n\n".join(thought.text for thought in thoughts if thought.text)
    return ({"reasoning_content": text} if text else {}) | ({"thinking_blocks": blocks} if blocks else {})


def caller_blocks(thought: Reasoning) -> list[dict[str, Any]]:
    """Returns: a thought as blocks that come back, none for one that its text alone brings back."""
    if thought.native is None:
        return []
    if thought.origin is _ME:
        return list(thought.native.get("thinking_blocks", ()))
    if thought.origin is Dialect.MESSAGES:
        return [dict(thought.native)]
    return [{"type": "thinking", "thinking": thought.text, "signature": seal(thought)}]


class ThoughtPieces:
    """A thought that comes in the deltas of a stream: the provider's own form of it, piece by piece."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._blocks: list[dict[str, Any]] = []

    def add(self, texts: Mapping[str, object], blocks: Iterable[Mapping[str, Any]] | None) -> str:
        """Take what a delta has of it. Returns: the text that it adds."""
        shown = ""
        for name in TEXTS:
            text = texts.get(name)
            if isinstance(text, str) and text:
                self._texts.setdefault(name, []).append(text)
                shown = shown or text
        of_blocks = "".join([self._add_block(block) for block in blocks or ()])
        return shown or of_blocks

    def native(self) -> Mapping[str, Any] | None:
        """Returns: the members of a message that hold the whole, None when there is nothing."""
        texts = {name: "".join(pieces) for name, pieces in self._texts.items()}
        thought = thought_of_answer(texts, self._blocks)
        return thought.native if thought is not None else None

    def _add_block(self, piece: Mapping[str, Any]) -> str:
        """Returns: the text of the piece. A block goes on until its signature."""
        text = str(piece.get("thinking") or "")
        if piece.get("type") != "thinking" or not self._blocks or self._blocks[-1].get("signature"):
            self._blocks.append(dict(piece))
        else:
            last = self._blocks[-1]
            last["thinking"] = f"{last.get('thinking') or ''}{text}"
            last["signature"] = piece.get("signature") or last.get("signature")
        return text
