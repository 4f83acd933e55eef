"""One answer, whichever provider gave it, whole or event by event."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from mini_agent.dialects.request import Reasoning, Refusal, Request, Text, ToolCall

AnswerPart = Text | Reasoning | Refusal | ToolCall


class Finish(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    STOP_SEQUENCE = "stop_sequence"
    LENGTH = "length"
    TOOLS = "tool_calls"
    FILTER = "content_filter"


class Usage(msgspec.Struct, frozen=True):
    """Tokens.

    input: all that was read, cached and newly cached ones included.
    output: all that was written, thoughts (`reasoning`) included.
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_written: int = 0
    reasoning: int = 0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A finished answer. id, model: as the provider names them. stop_sequence: the one that ended it."""

    id: str
    model: str
    parts: tuple[AnswerPart, ...]
    finish: Finish
    usage: Usage
    stop_sequence: str | None = None
    service_tier: str | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer to a caller is made with.

    id: unique, without the prefix of a dialect. created: seconds since the epoch. request: the caller's. body: as it
    came, for the dialect that repeats it in its answers. continues: the whole id of the answer, where its beginning has
    passed as the provider wrote it.
    """

    id: str
    created: int
    request: Request
    body: Mapping[str, Any] = {}
    continues: str = ""


class Started(msgspec.Struct, frozen=True):
    """The stream has begun. usage: what is known of it already."""

    id: str
    model: str
    usage: Usage = Usage()


class Opened(msgspec.Struct, frozen=True):
    """A part begins, empty but for what is known at once. index: its place in the answer, from 0, without a gap."""

    index: int
    part: AnswerPart


class Delta(msgspec.Struct, frozen=True):
    """More text of an open part: of a call, more of its arguments."""

    index: int
    text: str
    logprobs: tuple[Mapping[str, Any], ...] = ()


class Annotated(msgspec.Struct, frozen=True):
    """A citation of the text of an open part, as Responses writes it."""

    index: int
    annotation: Mapping[str, Any]


class Closed(msgspec.Struct, frozen=True):
    """A part is complete. native: of a thought, the provider's own form of it, where it has one."""

    index: int
    native: Mapping[str, Any] | None = None


class Finished(msgspec.Struct, frozen=True):
    """The answer is complete; all its parts are closed."""

    finish: Finish
    usage: Usage
    stop_sequence: str | None = None


class Failed(msgspec.Struct, frozen=True):
    """The provider reports an error within its stream.

    status: the HTTP status that it would have had, 0 when nothing tells. words: its code and type.
    """

    message: str
    status: int = 0
    words: frozenset[str] = frozenset()
    param: str | None = None


Event = Started | Opened | Delta | Annotated | Closed | Finished | Failed


def whole_part(index: int, part: AnswerPart) -> list[Event]:
    """Returns: the events of a part that arrives whole."""
    match part:
        case ToolCall():
            opened: AnswerPart = ToolCall(part.id, part.name, "", part.custom)
            text = part.arguments
        case Reasoning():
            opened, text = Reasoning("", part.origin), part.text
        case Text() | Refusal():
            opened, text = type(part)(""), part.text
    deltas = [Delta(index, text)] if text else []
    native = part.native if isinstance(part, Reasoning) else None
    return [Opened(index, opened), *deltas, Closed(index, native)]
