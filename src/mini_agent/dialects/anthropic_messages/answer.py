"""A whole answer of Anthropic's Messages, read and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mini_agent.core.errors import InvalidProviderResponse
from mini_agent.dialects.answer import Answer, AnswerPart, Finish, Reply, Usage
from mini_agent.dialects.names import Dialect
from mini_agent.dialects.reading import arguments_object
from mini_agent.dialects.request import Reasoning, Refusal, Text, ToolCall
from mini_agent.dialects.sealed import seal

_ME = Dialect.MESSAGES
#: What each of Anthropic's reasons means; `pause_turn` is a turn of tools that only Anthropic runs.
STOP_REASONS: Mapping[str, Finish] = {
    "end_turn": Finish.STOP,
    "stop_sequence": Finish.STOP_SEQUENCE,
    "max_tokens": Finish.LENGTH,
    "model_context_window_exceeded": Finish.LENGTH,
    "tool_use": Finish.TOOLS,
    "refusal": Finish.FILTER,
    "pause_turn": Finish.STOP,
}
_REASON_OF = {
    Finish.STOP: "end_turn",
    Finish.STOP_SEQUENCE: "stop_sequence",
    Finish.LENGTH: "max_tokens",
    Finish.TOOLS: "tool_use",
    Finish.FILTER: "refusal",
}


class _Details(msgspec.Struct):
    thinking_tokens: int | None = None


class RawUsage(msgspec.Struct):
    """Usage on the wire; null is as good as absent."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: _Details | None = None


class _Block(msgspec.Struct):
    type: str
    text: str | None = None
    thinking: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = msgspec.Raw(b"{}")


class _Message(msgspec.Struct):
    id: str
    model: str
    content: list[msgspec.Raw]
    usage: RawUsage
    stop_reason: str | None = None
    stop_sequence: str | None = None


_MESSAGE = msgspec.json.Decoder(_Message)
_BLOCK = msgspec.json.Decoder(_Block)


def decode_answer(raw: bytes) -> Answer:
    """Read a provider's answer. Returns: it. Raises: InvalidProviderResponse."""
    try:
        message = _MESSAGE.decode(raw)
        parts = tuple(part for block in message.content if (part := _part(block)) is not None)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidProviderResponse("the provider's answer is not a message") from error
    return Answer(
        id=message.id,
        model=message.model,
        parts=parts,
        finish=finish_of(message.stop_reason),
        stop_sequence=message.stop_sequence,
        usage=read_usage(message.usage),
    )


def _part(raw: msgspec.Raw) -> AnswerPart | None:
    """Returns: the part, None for a block of tools that the provider itself runs."""
    block = _BLOCK.decode(raw)
    match block.type:
        case "text":
            return Text(block.text or "")
        case "thinking" | "redacted_thinking":
            return Reasoning(block.thinking or "", _ME, msgspec.json.decode(raw))
        case "tool_use":
            return ToolCall(block.id or "", block.name or "", bytes(block.input).decode())
    return None


def finish_of(reason: str | None) -> Finish:
    """Returns: what a reason means; one that is not known yet ended the answer all the same."""
    return STOP_REASONS.get(reason or "", Finish.STOP)


def stop_of(finish: Finish) -> str:
    """Returns: Anthropic's reason."""
    return _REASON_OF[finish]


def read_usage(usage: RawUsage) -> Usage:
    """Returns: the counts; Anthropic's input leaves out what it read from or wrote to its cache."""
    cached, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    details = usage.output_tokens_details
    return Usage(
        input=(usage.input_tokens or 0) + cached + written,
        output=usage.output_tokens or 0,
        cached=cached,
        cache_written=written,
        reasoning=(details.thinking_tokens or 0) if details is not None else 0,
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """Returns: the counts as Anthropic writes them."""
    written: dict[str, Any] = {
        "input_tokens": max(0, usage.input - usage.cached - usage.cache_written),
        "cache_creation_input_tokens": usage.cache_written,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.output,
    }
    if usage.reasoning:
        written["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return written


def message_head(reply: Reply, model: str, usage: Usage) -> dict[str, Any]:
    """Returns: a message without content that has not ended yet."""
    return {
        "id": f"msg_{reply.id}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": write_usage(usage),
    }


def encode_answer(answer: Answer, reply: Reply) -> dict[str, Any]:
    """Write an answer for a caller. Returns: the message."""
    refused = any(isinstance(part, Refusal) for part in answer.parts)
    return {
        **message_head(reply, answer.model, answer.usage),
        "content": [block for part in answer.parts if (block := _block(part)) is not None],
        "stop_reason": "refusal" if refused else stop_of(answer.finish),
        "stop_sequence": answer.stop_sequence,
    }


def _block(part: AnswerPart) -> dict[str, Any] | None:
    match part:
        case Text() | Refusal():
            return {"type": "text", "text": part.text, "citations": None} if part.text else None
        case ToolCall():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments_object(part.arguments)}
        case Reasoning():
            return thinking_block(part)


def thinking_block(part: Reasoning) -> dict[str, Any]:
    """Returns: a thought as a block that comes back to its provider unchanged."""
    if part.origin is _ME and part.native is not None:
        return dict(part.native)
    return {"type": "thinking", "thinking": part.text, "signature": seal(part)}
