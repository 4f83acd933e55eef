"""From a request to a body of OpenAI's Responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mini_agent.dialects.marks import write_cache
from mini_agent.dialects.media import decoded_text, split_data_url
from mini_agent.dialects.names import Dialect
from mini_agent.dialects.openai_responses.request_in import ENCRYPTED, LOGPROBS
from mini_agent.dialects.openai_responses.thoughts import thought_to_provider
from mini_agent.dialects.parameters import Losses, write_end_user, write_settings
from mini_agent.dialects.request import (
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from mini_agent.dialects.tools import choose_tools, failed_text

_ME = Dialect.RESPONSES


def encode_request(request: Request, losses: Losses) -> dict[str, Any]:
    """Write a request for a provider; as `Codec` says."""
    body: dict[str, Any] = {"model": request.model, **write_settings(request, losses)}
    if losses.source is not _ME and "store" not in losses.given:
        # The protocol keeps answers unless told not to; the others do not.
        body.setdefault("store", False)
    body["input"] = encode_messages(request.messages, losses, stored=body.get("store") is not False)
    tools, choice = choose_tools(request, losses)
    if tools:
        body["tools"] = [encode_tool(tool, losses) for tool in tools]
        if choice is not None:
            body["tool_choice"] = _tool_choice(choice, tools)
        if request.parallel is not None:
            body["parallel_tool_calls"] = request.parallel
    _write_reasoning(body, request, losses)
    text = dict(body.get("text", {}))
    if request.output is not None:
        text["format"] = _output(request)
    if request.verbosity is not None:
        text["verbosity"] = request.verbosity
    if text:
        body["text"] = text
    if request.stop:
        raise losses.refuse("stop_sequences" if request.dialect is Dialect.MESSAGES else "stop")
    write_end_user(body, request, losses)
    if request.logprobs:
        body["include"] = [*body.get("include", []), LOGPROBS]
    if request.stream:
        body["stream"] = True
    return body


def encode_messages(messages: Sequence[Message], losses: Losses, *, stored: bool = False) -> list[dict[str, Any]]:
    """Write turns as items. stored: whether the provider keeps its own.

    Returns: the items. Raises: UnsupportedParameter.
    """
    items: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "assistant":
            items += [item for part in message.parts if (item := _said(part, losses, stored)) is not None]
        elif message.role == "tool":
            items += [_result(part, losses) for part in message.parts]
        else:
            content = _content(message.parts, losses)
            items.append({"type": "message", "role": message.role, "content": content})
    return items


def _write_reasoning(body: dict[str, Any], request: Request, losses: Losses) -> None:
    reasoning = dict(body.get("reasoning", {}))
    if request.effort is not None:
        reasoning["effort"] = request.effort
    if request.summary is not None:
        reasoning["summary"] = request.summary
    if reasoning:
        body["reasoning"] = reasoning
    if request.thinking is not None:
        losses.drop("thinking")
    kept = any(item.get("type") == "reasoning" for item in body["input"])
    # Models that do not think refuse this parameter, so it is sent only where somebody speaks of thinking.
    if request.keep_reasoning or (losses.source is not _ME and (reasoning or kept)):
        body["include"] = [*body.get("include", []), ENCRYPTED]


def _content(parts: Sequence[Part], losses: Losses) -> str | list[dict[str, Any]]:
    written = [_part(part, losses) for part in parts]
    if not written:
        return ""
    return written[0]["text"] if len(written) == 1 and written[0].keys() == {"type", "text"} else written


def _part(part: Part, losses: Losses) -> dict[str, Any]:
    match part:
        case Text():
            return {"type": "input_text", "text": part.text, **write_cache(part.cache, losses)}
        case Image():
            if part.url is None and losses.source is not _ME:
                raise losses.refuse(losses.conversation, "the id of an image that another provider keeps")
            place = {"image_url": part.url} if part.url is not None else {"file_id": part.file_id}
            mark = write_cache(part.cache, losses)
            return {"type": "input_image", "detail": part.detail or "auto", **place, **mark}
        case Document():
            return _document(part, losses)
        case Opaque() if part.dialect is _ME:
            return dict(part.value)
    kind = part.kind if isinstance(part, Opaque) else type(part).__name__.lower()
    raise losses.refuse(losses.conversation, f"a part of type {kind}")


def _document(part: Document, losses: Losses) -> dict[str, Any]:
    mark = write_cache(part.cache, losses)
    named = {"filename": part.name} if part.name else {}
    if part.url is None:
        if losses.source is not _ME:
            raise losses.refuse(losses.conversation, "the id of a file that another provider keeps")
        return {"type": "input_file", "file_id": part.file_id, **named, **mark}
    data = split_data_url(part.url)
    if data is not None and data.media_type == "text/plain" and losses.source is Dialect.MESSAGES:
        # Anthropic's documents of plain text have no file behind them.
        try:
            lines = [line for line in (part.name, part.context, decoded_text(data)) if line]
        except ValueError as error:
            raise losses.refuse(losses.conversation, str(error)) from error
        return {"type": "input_text", "text": "\n\n".join(lines), **mark}
    if part.context:
        losses.drop("context")
    if data is None and not part.url.startswith("data:"):
        return {"type": "input_file", "file_url": part.url, **named, **mark}
    if not named and losses.source is not _ME:
        named = {"filename": "document.pdf"}
    return {"type": "input_file", "file_data": part.url, **named, **mark}


def _said(part: Part, losses: Losses, stored: bool) -> dict[str, Any] | None:
    match part:
        case Text() | Refusal():
            return {"type": "message", "role": "assistant", "content": part.text} if part.text else None
        case ToolCall() if part.custom:
            return {"type": "custom_tool_call", "call_id": part.id, "name": part.name, "input": part.arguments}
        case ToolCall():
            arguments = part.arguments or "{}"
            return {"type": "function_call", "call_id": part.id, "name": part.name, "arguments": arguments}
        case Reasoning():
            item = thought_to_provider(part, stored=stored)
            if item is None:
                losses.drop("reasoning")
            return item
        case Opaque() if part.dialect is _ME:
            return dict(part.value)
    kind = part.kind if isinstance(part, Opaque) else type(part).__name__.lower()
    raise losses.refuse(losses.conversation, f"a part of type {kind}")


def _result(part: Part, losses: Losses) -> dict[str, Any]:
    if not isinstance(part, ToolResult):
        raise losses.refuse(losses.conversation, "a message of role tool with something else than results")
    output: Any = _content(part.parts, losses)
    if part.error:
        texts = "".join(item.text for item in part.parts if isinstance(item, Text))
        others = [item for item in part.parts if not isinstance(item, Text)]
        output = failed_text(texts)
        if others:
            output = [{"type": "input_text", "text": output}, *(_part(item, losses) for item in others)]
    kind = "custom_tool_call_output" if part.custom else "function_call_output"
    return {"type": kind, "call_id": part.call_id, "output": output}


def encode_tool(tool: Tool, losses: Losses) -> dict[str, Any]:
    """Write a tool for a provider. Returns: it. Raises: UnsupportedParameter."""
    if losses.source is _ME:
        return dict(tool.native)
    if tool.cache is not None:
        losses.drop("cache_control")
    written: dict[str, Any] = {"type": tool.kind, "name": tool.name}
    if tool.description is not None:
        written["description"] = tool.description
    if tool.kind == "custom":
        return written | ({"format": dict(tool.format)} if tool.format else {})
    written["parameters"] = dict(tool.schema) if tool.schema else {"type": "object", "properties": {}}
    # The protocol is strict unless told otherwise, the others are not.
    return {**written, "strict": bool(tool.strict)}


def _tool_choice(choice: ToolChoice, tools: Sequence[Tool]) -> Any:
    if choice.allowed is not None:
        kinds = {tool.name: tool.kind for tool in tools}
        allowed = [_named(kinds.get(name, "function"), name) for name in choice.allowed]
        return {"type": "allowed_tools", "mode": choice.mode, "tools": allowed}
    if choice.mode == "tool":
        return _named("custom" if choice.custom else "function", choice.name)
    return dict(choice.native or {}) if choice.mode == "other" else choice.mode


def _named(kind: str, name: str) -> dict[str, Any]:
    return {"type": kind, "name": name} if kind in ("function", "custom") else {"type": kind}


def _output(request: Request) -> dict[str, Any]:
    output = request.output
    if output is None or output.schema is None:
        return {"type": "json_object"}
    strict = True if request.dialect is Dialect.MESSAGES else output.strict
    written = {"type": "json_schema", "name": output.name or "answer", "schema": dict(output.schema)}
    if output.description is not None:
        written["description"] = output.description
    return written if strict is None and request.dialect is _ME else {**written, "strict": bool(strict)}
