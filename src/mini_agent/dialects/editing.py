"""What the gateway adds to a conversation, in a body of any dialect: all else in it stays as its caller wrote it.

A body is never changed in place: every function returns a new one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mini_agent.dialects.names import CONVERSATION, Dialect
from mini_agent.dialects.openai_chat.request_in import decode_tools
from mini_agent.dialects.parameters import Losses
from mini_agent.dialects.request import Message, Text
from mini_agent.dialects.sealed import MARK
from mini_agent.dialects.translation import CODECS

Body = Mapping[str, Any]
_TEXTS = ("text", "input_text", "output_text")


class Spoken(NamedTuple):
    """What somebody said: the texts of one turn, without those of tools and their results."""

    role: str
    text: str


def spoken(body: Body, dialect: Dialect) -> list[Spoken]:
    """Returns: the turns of the user, the assistant and the system, in order. Anything malformed has no text.

    A turn of Messages that only brings results of tools is nobody's question: its role is `tool`, as in chat.
    """
    turns = [turn for turn in _turns(body, dialect) if "role" in turn]
    return [Spoken(_speaker(turn), " ".join(_texts(turn.get("content")))) for turn in turns]


def _speaker(turn: Mapping[str, Any]) -> str:
    role, content = str(turn["role"]), turn.get("content")
    return "tool" if role == "user" and content and not _has_words(content) else role


def add_system(body: Body, dialect: Dialect, texts: Sequence[Text]) -> dict[str, Any]:
    """Put instructions in front of all others, in Responses behind `instructions`, which are no turn.

    A mark of a text is written where the dialect has one of Anthropic's.

    Returns: the body.
    """
    if dialect is Dialect.MESSAGES:
        blocks = [_block(text) for text in texts]
        given = body.get("system")
        rest = [{"type": "text", "text": given}] if isinstance(given, str) and given else given
        return {**body, "system": [*blocks, *(rest if isinstance(rest, list) else [])]}
    added = [{"role": "system", "content": [_block(text)] if text.cache else text.text} for text in texts]
    if dialect is Dialect.RESPONSES:
        added = [{"type": "message", "role": "system", "content": text.text} for text in texts]
    return {**body, CONVERSATION[dialect]: [*added, *_turns(body, dialect)]}


def change_user(
    body: Body, dialect: Dialect, which: int, before: str = "", after: str = "", rule: str = ""
) -> dict[str, Any]:
    """Put text around what the user said. which: 0 for the first such turn, -1 for the last. rule: between the two.

    Returns: the body, the same when the user has said nothing.
    """
    turns = _turns(body, dialect)
    places = [at for at, turn in enumerate(turns) if turn.get("role") == "user" and _has_words(turn.get("content"))]
    if not places:
        return dict(body)
    at = places[which]
    content = turns[at].get("content")
    if content is None or isinstance(content, str):
        changed: Any = rule.join(text for text in (before, content, after) if text)
    else:
        kind = "input_text" if dialect is Dialect.RESPONSES else "text"
        # Results of tools come first in a turn, or the provider refuses it.
        results = [part for part in content if isinstance(part, Mapping) and part.get("type") == "tool_result"]
        rest = [part for part in content if part not in results]
        head = [{"type": kind, "text": f"{before}{rule.rstrip()}"}] if before else []
        tail = [{"type": kind, "text": f"{rule.lstrip()}{after}"}] if after else []
        changed = [*results, *head, *rest, *tail]
    turns[at] = {**turns[at], "content": changed}
    return {**body, CONVERSATION[dialect]: turns}


def set_tools(body: Body, dialect: Dialect, specs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Offer tools. specs: as chat writes them.

    Returns: the body.
    """
    losses = Losses(Dialect.CHAT, dialect)
    return {**body, "tools": [CODECS[dialect].encode_tool(tool, losses) for tool in decode_tools(list(specs))]}


def add_turns(body: Body, dialect: Dialect, messages: Sequence[Message]) -> dict[str, Any]:
    """Put turns behind the conversation: what the model said, and what its tools gave. Raises: UnsupportedParameter.

    Returns: the body.
    """
    written = CODECS[dialect].encode_messages(messages, Losses(dialect, dialect))
    return {**body, CONVERSATION[dialect]: [*_turns(body, dialect), *written]}


def without_seals(body: Body) -> dict[str, Any]:
    """Take out of a body what a provider of another dialect thought, before it reaches one of the caller's.

    Returns: the body.
    """
    kept = dict(body)
    if isinstance(turns := body.get("messages"), list):
        kept["messages"] = [
            _unsealed(turn) if isinstance(turn, dict) and turn.get("role") == "assistant" else turn for turn in turns
        ]
    if isinstance(items := body.get("input"), list):
        kept["input"] = [item for item in items if not _is_sealed(item)]
    return kept


def _unsealed(turn: dict[str, Any]) -> dict[str, Any]:
    for name in ("content", "thinking_blocks"):
        parts = turn.get(name)
        if isinstance(parts, list) and any(map(_is_sealed, parts)):
            turn = {**turn, name: [part for part in parts if not _is_sealed(part)]}
    return turn


def _is_sealed(part: object) -> bool:
    if not isinstance(part, Mapping):
        return False
    words = (part.get(name) for name in ("signature", "data", "encrypted_content"))
    return any(isinstance(word, str) and word.startswith(MARK) for word in words)


def _turns(body: Body, dialect: Dialect) -> list[Any]:
    given = body.get(CONVERSATION[dialect])
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    return [turn for turn in given if isinstance(turn, Mapping)] if isinstance(given, list) else []


def _texts(content: object) -> list[str]:
    if isinstance(content, str):
        return [content]
    texts = []
    for part in content if isinstance(content, list) else ():
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Mapping) and part.get("type") in _TEXTS and isinstance(part.get("text"), str):
            texts.append(part["text"])
    return texts


def _has_words(content: object) -> bool:
    """Returns: whether a turn is the user's own: it may hold anything but results of tools alone."""
    if content is None or isinstance(content, str):
        return True
    if not isinstance(content, list):
        return False
    return any(not (isinstance(part, Mapping) and part.get("type") == "tool_result") for part in content)


def _block(text: Text) -> dict[str, Any]:
    return {"type": "text", "text": text.text} | ({"cache_control": {"type": "ephemeral"}} if text.cache else {})
