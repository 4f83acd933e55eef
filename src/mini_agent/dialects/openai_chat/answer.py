"""A whole answer of OpenAI's Chat Completions, read and written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from mini_agent.core.errors import InvalidProviderResponse
from mini_agent.dialects.answer import Answer, AnswerPart, Finish, Reply, Usage
from mini_agent.dialects.logprobs import for_chat
from mini_agent.dialects.openai_chat.thoughts import thought_of_answer, thoughts_to_caller
from mini_agent.dialects.openai_usage import read_usage
from mini_agent.dialects.openai_usage import write_usage as write_counts
from mini_agent.dialects.request import Reasoning, Refusal, Text, ToolCall

FINISH_REASONS: Mapping[str, Finish] = {
    "stop": Finish.STOP,
    "length": Finish.LENGTH,
    "tool_calls": Finish.TOOLS,
    "function_call": Finish.TOOLS,
    "content_filter": Finish.FILTER,
}


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: Any = None
    input: str | None = None


class RawCall(msgspec.Struct):
    """A call on the wire, or a piece of one."""

    id: str | None = None
    function: _Function | None = None
    custom: _Function | None = None

    def name(self) -> str:
        """Returns: what is called, empty where it is not said."""
        return (self.function or self.custom or _Function()).name or ""

    def text(self) -> str:
        """Returns: its arguments; an object, which Ollama and others send, as JSON."""
        inner = self.function or self.custom or _Function()
        arguments = inner.input if self.custom is not None else inner.arguments
        if arguments is None or isinstance(arguments, str):
            return arguments or ""
        return msgspec.json.encode(arguments).decode()


class RawLogprobs(msgspec.Struct):
    """Log-probabilities on the wire."""

    content: list[dict[str, Any]] | None = None


class RawWords(msgspec.Struct):
    """What a message or a piece of one says, besides calls."""

    content: Any = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: Any = None
    thinking_blocks: list[dict[str, Any]] | None = None
    annotations: list[dict[str, Any]] | None = None


class _Message(RawWords):
    tool_calls: list[RawCall] | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None
    #: vLLM: the stop sequence that was met, or the token.
    stop_reason: Any = None
    logprobs: RawLogprobs | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    id: str | None = None
    model: str | None = None
    usage: Any = None
    service_tier: str | None = None


_COMPLETION = msgspec.json.Decoder(_Completion)


def decode_answer(raw: bytes) -> Answer:
    """Read a provider's answer; of several choices the first. Returns: it. Raises: InvalidProviderResponse."""
    try:
        completion = _COMPLETION.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidProviderResponse("the provider's answer is not a completion object") from error
    if not completion.choices:
        raise InvalidProviderResponse("the provider's answer has no choices")
    choice = completion.choices[0]
    sequence = choice.stop_reason if isinstance(choice.stop_reason, str) else None
    finish = finish_of(choice.finish_reason, calls=bool(choice.message.tool_calls))
    return Answer(
        id=completion.id or "",
        model=completion.model or "",
        parts=tuple(_parts(choice)),
        finish=Finish.STOP_SEQUENCE if finish is Finish.STOP and sequence is not None else finish,
        stop_sequence=sequence,
        usage=read_usage(completion.usage),
        service_tier=completion.service_tier,
    )


def _parts(choice: _Choice) -> Iterable[AnswerPart]:
    message = choice.message
    texts = {"reasoning_content": message.reasoning_content, "reasoning": message.reasoning}
    given = {name: text for name, text in texts.items() if isinstance(text, str) and text}
    thought = thought_of_answer(given, message.thinking_blocks or ())
    if thought is not None:
        yield thought
    if text := _text(message.content):
        logprobs = tuple(choice.logprobs.content or ()) if choice.logprobs is not None else ()
        yield Text(text, None, tuple(flat_note(note) for note in message.annotations or ()), logprobs)
    if message.refusal:
        yield Refusal(message.refusal)
    for index, call in enumerate(message.tool_calls or ()):
        yield ToolCall(call.id or f"call_{index}", call.name(), call.text(), call.custom is not None)


def _text(content: Any) -> str:
    if not isinstance(content, list):
        return content if isinstance(content, str) else ""
    parts = [part for part in content if isinstance(part, Mapping) and part.get("type") == "text"]
    return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))


def flat_note(note: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns: a citation as Responses writes it."""
    inner = note.get("url_citation")
    return {"type": "url_citation", **inner} if isinstance(inner, Mapping) else note


def finish_of(reason: str | None, *, calls: bool) -> Finish:
    """Returns: what a reason means. calls: whether tools are called, which some servers end with `stop`.

    Without any reason, calls may have been cut off.
    """
    if calls and not reason:
        return Finish.LENGTH
    finish = FINISH_REASONS.get(reason or "", Finish.STOP)
    return Finish.TOOLS if calls and finish is Finish.STOP else finish


def write_usage(usage: Usage) -> dict[str, Any]:
    """Returns: the counts as chat writes them."""
    return write_counts(usage, "prompt_tokens", "completion_tokens")


def encode_answer(answer: Answer, reply: Reply) -> dict[str, Any]:
    """Write an answer for a caller. Returns: the completion."""
    texts = [part for part in answer.parts if isinstance(part, Text)]
    refusals = [part.text for part in answer.parts if isinstance(part, Refusal)]
    calls = [write_call(part, "{}") for part in answer.parts if isinstance(part, ToolCall)]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(part.text for part in texts) if texts else None,
        "refusal": "".join(refusals) if refusals else None,
    }
    message |= thoughts_to_caller(part for part in answer.parts if isinstance(part, Reasoning))
    if notes := list(_notes(texts)):
        message["annotations"] = notes
    if calls:
        message["tool_calls"] = calls
    logprobs = [for_chat(entry) for part in texts for entry in part.logprobs]
    finish = "stop" if answer.finish is Finish.STOP_SEQUENCE else str(answer.finish)
    completion = {
        "id": f"chatcmpl-{reply.id}",
        "object": "chat.completion",
        "created": reply.created,
        "model": answer.model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": {"content": logprobs, "refusal": None} if logprobs else None,
                "finish_reason": finish,
            }
        ],
        "usage": write_usage(answer.usage),
    }
    return completion | ({"service_tier": answer.service_tier} if answer.service_tier else {})


def write_call(part: ToolCall, empty: str = "") -> dict[str, Any]:
    """Returns: a call. empty: what arguments are that are none."""
    if part.custom:
        return {"id": part.id, "type": "custom", "custom": {"name": part.name, "input": part.arguments}}
    return {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": part.arguments or empty}}


def _notes(texts: Iterable[Text]) -> Iterable[dict[str, Any]]:
    start = 0
    for part in texts:
        yield from (nested_note(note, start) for note in part.annotations)
        start += len(part.text)


def nested_note(note: Mapping[str, Any], start: int) -> dict[str, Any]:
    """Returns: a citation as chat writes it. start: where its text begins in the whole answer."""
    if note.get("type") != "url_citation":
        return dict(note)
    inner = {key: value for key, value in note.items() if key != "type"}
    places = {key: inner[key] + start for key in ("start_index", "end_index") if isinstance(inner.get(key), int)}
    return {"type": "url_citation", "url_citation": inner | places}
