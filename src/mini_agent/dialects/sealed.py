"""One provider's thoughts in the field where another dialect keeps its own.

A model's thought must come back to its provider unchanged, signature and all, or a conversation with tools breaks. A
caller of another dialect keeps it for us: its protocol has a field that no client reads (`signature`,
`encrypted_content`), and we put the provider's own form of the thought there. The text that people see is not repeated:
`True` stands for it.

What comes back is the caller's word. It can only become what it once was: a thought.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import msgspec

from mini_agent.dialects.names import Dialect
from mini_agent.dialects.request import Reasoning

#: How every seal begins. A body without these characters has none.
MARK = "mini-agent.1."

#: What a thought may be in each dialect: the members of its own form, and the types that it may name.
_MEMBERS: Mapping[Dialect, frozenset[str]] = {
    Dialect.CHAT: frozenset({"reasoning_content", "reasoning", "thinking_blocks"}),
    Dialect.MESSAGES: frozenset({"type", "thinking", "signature", "data"}),
    Dialect.RESPONSES: frozenset({"type", "id", "summary", "content", "encrypted_content"}),
}
_TYPES: Mapping[Dialect, frozenset[object]] = {
    Dialect.CHAT: frozenset({None}),
    Dialect.MESSAGES: frozenset({"thinking", "redacted_thinking"}),
    Dialect.RESPONSES: frozenset({"reasoning"}),
}


def seal(reasoning: Reasoning) -> str:
    """Returns: the provider's own form of a thought as one word, empty when it has none."""
    if reasoning.native is None:
        return ""
    text = reasoning.text
    members = {key: True if text and value == text else value for key, value in reasoning.native.items()}
    packed = urlsafe_b64encode(msgspec.json.encode(members)).rstrip(b"=").decode()
    return f"{MARK}{reasoning.origin}.{packed}"


def unseal(word: str, text: str) -> Reasoning | None:
    """Read what a caller sends back. text: what people see of the thought.

    Returns: the thought, None when the word is no seal of ours: then it is the signature of the caller's own dialect.
    """
    if not word.startswith(MARK):
        return None
    name, _, packed = word.removeprefix(MARK).partition(".")
    try:
        origin = Dialect(name)
        members = msgspec.json.decode(urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), type=dict[str, Any])
    except (ValueError, binascii.Error, msgspec.DecodeError, RecursionError):
        return Reasoning(text, Dialect.CHAT)
    native = {key: text if value is True else value for key, value in members.items()}
    if not native or not native.keys() <= _MEMBERS[origin] or not _is_type(native.get("type"), origin):
        return Reasoning(text, origin)
    return Reasoning(text, origin, native)


def _is_type(value: object, origin: Dialect) -> bool:
    return (value is None or isinstance(value, str)) and value in _TYPES[origin]
