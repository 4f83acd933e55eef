"""A whole answer of OpenAI's Responses, read and written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from mini_agent.core.errors import InvalidProviderResponse
from mini_agent.dialects.answer import Answer, AnswerPart, Finish, Reply, Usage
from mini_agent.dialects.errors import error_of, read_error
from mini_agent.dialects.logprobs import for_text
from mini_agent.dialects.names import Dialect
from mini_agent.dialects.openai_responses.thoughts import item_of_thought, text_of_item
from mini_agent.dialects.openai_usage import read_usage
from mini_agent.dialects.openai_usage import write_usage as write_counts
from mini_agent.dialects.request import Reasoning, Refusal, Text, ToolCall

_ME = Dialect.RESPONSES
#: What a response repeats of its request, and what it says where that said nothing.
_ECHOED: Mapping[str, Any] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


class _Incomplete(msgspec.Struct):
    reason: str | None = None


class RawResponse(msgspec.Struct):
    """A response on the wire, its output unread."""

    id: str = ""
    model: str = ""
    status: str | None = None
    output: list[dict[str, Any]] = []
    usage: Any = None
    error: Any = None
    incomplete_details: _Incomplete | None = None
    service_tier: str | None = None


class _Response(RawResponse, kw_only=True):
    object: str


_RESPONSE = msgspec.json.Decoder(_Response)


def decode_answer(raw: bytes) -> Answer:
    """Read a provider's answer.

    Returns: it. Raises: InvalidProviderResponse; for a response that failed what it says it failed for.
    """
    try:
        response = _RESPONSE.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidProviderResponse("the provider's answer is not a response object") from error
    if response.status == "failed" or response.error:
        raise error_of(read_error(response.error))
    parts = tuple(part for item in response.output for part in item_parts(item))
    return Answer(
        id=response.id,
        model=response.model,
        parts=parts,
        finish=finish_of(response, calls=any(isinstance(part, ToolCall) for part in parts)),
        usage=read_usage(response.usage),
        service_tier=response.service_tier,
    )


def item_parts(item: Mapping[str, Any]) -> Iterable[AnswerPart]:
    """Yield the parts of an item, none for one of tools that the provider itself runs."""
    match item.get("type"):
        case "message":
            yield from message_parts(item)
        case "function_call":
            yield ToolCall(_text(item, "call_id"), _text(item, "name"), _text(item, "arguments"))
        case "custom_tool_call":
            yield ToolCall(_text(item, "call_id"), _text(item, "name"), _text(item, "input"), True)
        case "reasoning":
            yield Reasoning(text_of_item(item), _ME, item)


def message_parts(item: Mapping[str, Any]) -> Iterable[Text | Refusal]:
    """Yield what a message says."""
    content = item.get("content")
    for part in content if isinstance(content, list) else ():
        if not isinstance(part, Mapping):
            continue
        if part.get("type") == "output_text":
            annotations, logprobs = _objects(part, "annotations"), _objects(part, "logprobs")
            yield Text(_text(part, "text"), None, annotations, logprobs)
        elif part.get("type") == "refusal":
            yield Refusal(_text(part, "refusal"))


def _objects(part: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], ...]:
    value = part.get(name)
    return tuple(item for item in value if isinstance(item, Mapping)) if isinstance(value, list) else ()


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def finish_of(response: RawResponse, *, calls: bool) -> Finish:
    """Returns: why a response ended. calls: whether tools are called in it."""
    if response.status == "incomplete":
        reason = response.incomplete_details.reason if response.incomplete_details is not None else None
        return Finish.FILTER if reason == "content_filter" else Finish.LENGTH
    return Finish.TOOLS if calls else Finish.STOP


def cut_reason(finish: Finish) -> str | None:
    """Returns: why a response is incomplete, None for one that is not."""
    return {Finish.LENGTH: "max_output_tokens", Finish.FILTER: "content_filter"}.get(finish)


def write_usage(usage: Usage) -> dict[str, Any]:
    """Returns: the counts as Responses writes them."""
    return write_counts(usage, "input_tokens", "output_tokens")


def response_head(reply: Reply, model: str, status: str) -> dict[str, Any]:
    """Returns: a response without output, which repeats what its request asked for."""
    body = reply.body
    echoed = {name: body[name] if body.get(name) is not None else value for name, value in _ECHOED.items()}
    text = echoed["text"] or {}
    return {
        "id": f"resp_{reply.id}",
        "object": "response",
        "created_at": reply.created,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        "usage": None,
        **echoed,
        "text": text if "format" in text else {"format": {"type": "text"}, **text},
        "tools": [_tool(tool) for tool in body.get("tools") or ()],
    }


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    if tool.get("type") != "function":
        return dict(tool)
    return {"parameters": None, "strict": False, **tool}


def encode_answer(answer: Answer, reply: Reply) -> dict[str, Any]:
    """Write an answer for a caller. Returns: the response."""
    cut = cut_reason(answer.finish)
    last = len(answer.parts) - 1
    output = [
        item_of(part, f"{reply.id}_{at}", "incomplete" if cut and at == last else "completed")
        for at, part in enumerate(answer.parts)
    ]
    response = response_head(reply, answer.model, "incomplete" if cut else "completed")
    response |= {"output": output, "usage": write_usage(answer.usage)}
    if cut:
        response["incomplete_details"] = {"reason": cut}
    return response | ({"service_tier": answer.service_tier} if answer.service_tier else {})


def item_of(part: AnswerPart, item_id: str, status: str) -> dict[str, Any]:
    """Returns: a part as an item of the output. item_id: unique, without the prefix of its kind."""
    match part:
        case Text():
            content = {
                "type": "output_text",
                "text": part.text,
                "annotations": list(part.annotations),
                "logprobs": [for_text(entry) for entry in part.logprobs],
            }
            return _message(item_id, status, content)
        case Refusal():
            return _message(item_id, status, {"type": "refusal", "refusal": part.text})
        case ToolCall() if part.custom:
            call = {"call_id": part.id, "name": part.name, "input": part.arguments}
            return {"id": f"ctc_{item_id}", "type": "custom_tool_call", **call}
        case ToolCall():
            call = {"call_id": part.id, "name": part.name, "arguments": part.arguments or "{}"}
            return {"id": f"fc_{item_id}", "type": "function_call", "status": status, **call}
        case Reasoning():
            return item_of_thought(part, f"rs_{item_id}", status)


def _message(item_id: str, status: str, content: Mapping[str, Any]) -> dict[str, Any]:
    head = {"id": f"msg_{item_id}", "type": "message", "status": status, "role": "assistant"}
    return {**head, "content": [dict(content)]}
