"""Model answers of any shape, normalised to role, content and tool calls."""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mini_agent.agent.values import Message, ModelAnswer
from mini_agent.core.errors import InvalidProviderResponse
from mini_agent.core.text import encodable
from mini_agent.dialects.openai_chat.thoughts import MEMBERS


@dataclass(frozen=True, slots=True)
class RawCall:
    """One tool call as the model made it. arguments: what it sent, text or a value. id: unique in the conversation."""

    id: str
    name: str
    arguments: object


@dataclass(frozen=True, slots=True)
class Answer:
    """A normalised answer. message: ready to be recorded; nothing in it belongs to the model client."""

    message: Message
    calls: tuple[RawCall, ...]
    simulated: bool

    @property
    def text(self) -> str:
        """Returns: the text of the content, text parts joined by newline; empty for any other content."""
        return content_text(self.message.get("content"))


def normalise(answer: object, taken_ids: Collection[str]) -> Answer:
    """Bring a model's answer into one shape.

    answer: a chat completion or a message, dict- or object-shaped, or a `ModelAnswer` around either.
    taken_ids: call ids the conversation already has; a repeated or missing id is replaced, because a reply is found by
    its id.

    Returns: the answer; `content` is kept as it is, except that null without tool calls becomes "".
    Raises: InvalidProviderResponse when there is no message in it.
    """
    simulated = isinstance(answer, ModelAnswer) and answer.simulated
    message = _message_of(answer.payload if isinstance(answer, ModelAnswer) else answer)
    calls = _calls_of(_get(message, "tool_calls"), set(taken_ids))
    content = _plain(_get(message, "content"))
    recorded: Message = {"role": "assistant", "content": content}
    # What it thought must come back to it, or it refuses the next turn.
    recorded |= {name: _plain(value) for name in MEMBERS if (value := _get(message, name))}
    if calls:
        recorded["tool_calls"] = [recorded_call for _, recorded_call in calls]
    elif content is None:
        recorded["content"] = ""
    return Answer(recorded, tuple(call for call, _ in calls), simulated)


def content_text(content: object) -> str:
    """Returns: a string as it is, the text parts of a list joined by newline, "" for anything else."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = [part if isinstance(part, str) else _get(part, "text") for part in content]
    return "\n".join(text for text in texts if isinstance(text, str))


def unique_id(wanted: str, taken: set[str]) -> str:
    """Returns: `wanted`, or `wanted` with the first free number behind it. The choice is added to `taken`."""
    chosen, number = wanted, 2
    while chosen in taken:
        chosen, number = f"{wanted}_{number}", number + 1
    taken.add(chosen)
    return chosen


def _get(value: object, key: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(key)
    return getattr(value, key, None)


def _message_of(answer: object) -> object:
    choices = _get(answer, "choices")
    if choices is None:
        if _get(answer, "role") is None and _get(answer, "content") is None and _get(answer, "tool_calls") is None:
            raise InvalidProviderResponse("the model's answer holds no message")
        return answer
    message = _get(choices[0], "message") if isinstance(choices, Sequence) and choices else None
    if message is None:
        raise InvalidProviderResponse("the model's answer holds no choice with a message")
    return message


def _calls_of(raw: object, taken: set[str]) -> list[tuple[RawCall, dict[str, Any]]]:
    if raw is None:
        return []
    if isinstance(raw, str | bytes | Mapping) or not isinstance(raw, Sequence):
        raise InvalidProviderResponse("the model's tool_calls are no list")
    return [_call_of(call, number, taken) for number, call in enumerate(raw)]


def _call_of(call: object, number: int, taken: set[str]) -> tuple[RawCall, dict[str, Any]]:
    function = _get(call, "function")
    wanted, name = _get(call, "id"), _get(function, "name")
    arguments = _plain(_get(function, "arguments"))
    chosen = unique_id(encodable(wanted) if isinstance(wanted, str) and wanted else f"call_{number}", taken)
    name = encodable(name) if isinstance(name, str) else ""
    # What else a provider put there (a signature, say) must come back to it, or it refuses the next turn.
    recorded = _plain(dict(call)) if isinstance(call, Mapping) else {}
    text = arguments if isinstance(arguments, str) else json.dumps({} if arguments is None else arguments)
    recorded |= {"id": chosen, "type": "function", "function": {"name": name, "arguments": text}}
    return RawCall(chosen, name, {} if arguments is None else arguments), recorded


def _plain(value: object) -> Any:
    """Copy a value into plain JSON types; an SDK's object becomes a dict through its own `model_dump`."""
    if isinstance(value, str):
        return encodable(value)
    if value is None or isinstance(value, int | float | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    dump = getattr(value, "model_dump", None)
    return _plain(dump()) if callable(dump) else copy.deepcopy(value)
