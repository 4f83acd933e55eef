"""About how many tokens a request has, where nobody counts them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mini_agent.core.errors import InvalidParameter

#: Bytes of a token: of English text and code, and of all other writing.
_ASCII_BYTES = 4
_OTHER_BYTES = 2
_PER_TURN = 4
#: What providers themselves say before the first tool, and of an image of usual size.
_OF_TOOLS = 300
_OF_AN_IMAGE = 1500
#: Bytes of a document for a token of it: half of a PDF is not text.
_DOCUMENT_BYTES = 8
#: Results of tools in a turn are content in content; nobody nests deeper than that by much.
_DEEPEST = 32
_IMAGES = frozenset({"image", "image_url", "input_image"})
_DOCUMENTS = frozenset({"document", "file", "input_file"})
#: Members that are names and marks, not text.
_UNREAD = frozenset({"type", "role", "id", "tool_use_id", "cache_control", "signature"})


def estimate_tokens(body: Mapping[str, Any]) -> int:
    """Estimate what a provider would read. body: of Anthropic's Messages.

    Returns: tokens, at least 1. Raises: InvalidParameter for content that is nested too deeply to be searched.
    """
    tools = body.get("tools") or ()
    total = _tokens(body.get("system"))
    for turn in body.get("messages") or ():
        total += _PER_TURN + _tokens(turn.get("content") if isinstance(turn, Mapping) else turn)
    if tools:
        total += _OF_TOOLS + _of_text(msgspec.json.encode(tools).decode())
    return max(1, round(total))


def _tokens(value: Any, depth: int = 0) -> float:
    if depth > _DEEPEST:
        raise InvalidParameter("The content is nested too deeply", param="messages")
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, list):
        return sum(_tokens(item, depth + 1) for item in value)
    if not isinstance(value, Mapping):
        return 0
    kind = str(value.get("type"))
    if kind in _IMAGES:
        return _OF_AN_IMAGE
    if kind in _DOCUMENTS:
        return _of_document(value, depth)
    if kind == "tool_use":
        return _of_text(str(value.get("name"))) + _of_text(msgspec.json.encode(value.get("input")).decode())
    return sum(_tokens(item, depth + 1) for name, item in value.items() if name not in _UNREAD)


def _of_text(text: str) -> float:
    size = len(text.encode("utf-8", "replace"))
    plain = size if text.isascii() else sum(character.isascii() for character in text)
    return plain / _ASCII_BYTES + (size - plain) / _OTHER_BYTES


def _of_document(part: Mapping[str, Any], depth: int) -> float:
    source = part.get("source")
    source = source if isinstance(source, Mapping) else {}
    if source.get("type") in ("text", "content"):
        return _tokens(source.get("data") or source.get("content"), depth + 1)
    data = source.get("data")
    return len(data) * 3 / 4 / _DOCUMENT_BYTES if isinstance(data, str) else _OF_AN_IMAGE
