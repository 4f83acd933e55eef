"""From a request to a body of OpenAI's Chat Completions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mini_agent.dialects.marks import write_cache
from mini_agent.dialects.media import decoded_text, split_data_url
from mini_agent.dialects.names import Dialect
from mini_agent.dialects.openai_chat.answer import write_call
from mini_agent.dialects.openai_chat.thoughts import thought_to_provider
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

_ME = Dialect.CHAT


def encode_request(request: Request, losses: Losses) -> dict[str, Any]:
    """Write a request for a provider; as `Codec` says."""
    body: dict[str, Any] = {"model": request.model, **write_settings(request, losses)}
    body["messages"] = encode_messages(request.messages, losses)
    tools, choice = choose_tools(request, losses)
    if tools:
        body["tools"] = [encode_tool(tool, losses) for tool in tools]
        if choice is not None:
            body["tool_choice"] = _tool_choice(choice, tools)
        if request.parallel is not None:
            body["parallel_tool_calls"] = request.parallel
    if request.output is not None:
        body["response_format"] = _output(request)
    if request.effort is not None:
        body["reasoning_effort"] = request.effort
    if request.thinking is not None:
        if losses.source is _ME:
            body["thinking"] = dict(request.thinking)
        else:
            losses.drop("thinking")
    if request.summary is not None:
        losses.drop("reasoning.summary")
    if request.verbosity is not None:
        body["verbosity"] = request.verbosity
    if request.stop:
        body["stop"] = list(request.stop)
    write_end_user(body, request, losses)
    if request.logprobs:
        body["logprobs"] = True
    if request.stream:
        body["stream"] = True
        if request.include_usage or losses.source is not _ME:
            body["stream_options"] = {**body.get("stream_options", {}), "include_usage": True}
    return body


def encode_messages(messages: Sequence[Message], losses: Losses) -> list[dict[str, Any]]:
    """Write turns. Images and files in results of tools follow them in a message of the user's.

    Returns: the messages. Raises: UnsupportedParameter.
    """
    written: list[dict[str, Any]] = []
    for message in messages:
        match message.role:
            case "assistant":
                written.append(_assistant(message, losses))
            case "tool":
                written += _results(message, losses)
            case "user":
                written.append({"role": "user", "content": _content(message.parts, losses)})
            case _:
                # Every server knows `system`, many know no `developer`; OpenAI takes either for the other.
                role = message.role if losses.source is _ME else "system"
                written.append({"role": role, "content": _content(message.parts, losses)})
    return written


def _content(parts: Sequence[Part], losses: Losses) -> str | list[dict[str, Any]]:
    if not parts:
        return ""
    written = [_part(part, losses) for part in parts]
    return written[0]["text"] if len(written) == 1 and written[0].keys() == {"type", "text"} else written


def _part(part: Part, losses: Losses) -> dict[str, Any]:
    match part:
        case Text():
            return {"type": "text", "text": part.text, **write_cache(part.cache, losses)}
        case Refusal():
            return {"type": "refusal", "refusal": part.text}
        case Image():
            if part.url is None:
                raise losses.refuse(losses.conversation, "the id of an image that another provider keeps")
            image = {"url": part.url} | ({"detail": part.detail} if part.detail else {})
            return {"type": "image_url", "image_url": image, **write_cache(part.cache, losses)}
        case Document():
            return _document(part, losses)
        case Opaque() if part.dialect is _ME:
            return dict(part.value)
    kind = part.kind if isinstance(part, Opaque) else type(part).__name__.lower()
    raise losses.refuse(losses.conversation, f"a part of type {kind}")


def _document(part: Document, losses: Losses) -> dict[str, Any]:
    mark = write_cache(part.cache, losses)
    if part.url is None:
        if losses.source is not _ME:
            raise losses.refuse(losses.conversation, "the id of a file that another provider keeps")
        file = {"file_id": part.file_id} | ({"filename": part.name} if part.name else {})
        return {"type": "file", "file": file, **mark}
    data = split_data_url(part.url)
    if data is None and losses.source is not _ME:
        raise losses.refuse(losses.conversation, "the address of a document")
    if data is not None and data.media_type == "text/plain" and losses.source is not _ME:
        # Few servers read files, and all read text.
        try:
            lines = [line for line in (part.name, part.context, decoded_text(data)) if line]
        except ValueError as error:
            raise losses.refuse(losses.conversation, str(error)) from error
        return {"type": "text", "text": "\n\n".join(lines), **mark}
    if part.context:
        losses.drop("context")
    name = part.name or (None if losses.source is _ME else "document.pdf")
    return {"type": "file", "file": {"file_data": part.url} | ({"filename": name} if name else {}), **mark}


def _assistant(message: Message, losses: Losses) -> dict[str, Any]:
    said: list[Part] = []
    written: dict[str, Any] = {"role": "assistant", "content": None}
    calls: list[dict[str, Any]] = []
    for part in message.parts:
        match part:
            case ToolCall():
                calls.append(write_call(part))
            case Reasoning():
                members = thought_to_provider(part)
                if members is None:
                    losses.drop("reasoning")
                else:
                    written |= members
            case Opaque(kind="audio" | "function_call") if part.dialect is _ME and losses.source is _ME:
                written |= part.value
            case _:
                said.append(part)
    if len(said) == 1 and isinstance(said[0], Refusal):
        written["refusal"] = said[0].text
    elif said:
        written["content"] = _content(said, losses)
    elif not calls:
        written["content"] = ""
    return written | ({"tool_calls": calls} if calls else {})


def _results(message: Message, losses: Losses) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = []
    shown: list[dict[str, Any]] = []
    for part in message.parts:
        if not isinstance(part, ToolResult):
            raise losses.refuse(losses.conversation, "a message of role tool with something else than results")
        texts: list[Part] = [item for item in part.parts if isinstance(item, Text)]
        others = [item for item in part.parts if not isinstance(item, Text)]
        content = _content(texts, losses)
        if part.error:
            content = failed_text("".join(text.text for text in texts if isinstance(text, Text)))
        if others:
            shown.append({"type": "text", "text": f"From the result of tool call {part.call_id}:"})
            shown += [_part(item, losses) for item in others]
        written.append({"role": "tool", "tool_call_id": part.call_id, "content": content})
    return [*written, {"role": "user", "content": shown}] if shown else written


def encode_tool(tool: Tool, losses: Losses) -> dict[str, Any]:
    """Write a tool for a provider. Returns: it. Raises: UnsupportedParameter."""
    if losses.source is _ME:
        return dict(tool.native)
    if tool.cache is not None:
        losses.drop("cache_control")
    inner: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        inner["description"] = tool.description
    if tool.kind == "custom":
        return {"type": "custom", "custom": inner | ({"format": _format(tool)} if tool.format else {})}
    inner["parameters"] = dict(tool.schema) if tool.schema else {"type": "object", "properties": {}}
    if tool.strict:
        inner["strict"] = True
    return {"type": "function", "function": inner}


def _format(tool: Tool) -> dict[str, Any]:
    form = dict(tool.format or {})
    if form.get("type") != "grammar":
        return form
    del form["type"]
    return {"type": "grammar", "grammar": form}


def _tool_choice(choice: ToolChoice, tools: Sequence[Tool]) -> Any:
    if choice.allowed is not None:
        kinds = {tool.name: tool.kind for tool in tools}
        allowed = [_named(kinds.get(name, "function"), name) for name in choice.allowed]
        return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": allowed}}
    if choice.mode == "tool":
        return _named("custom" if choice.custom else "function", choice.name)
    return dict(choice.native or {}) if choice.mode == "other" else choice.mode


def _named(kind: str, name: str) -> dict[str, Any]:
    return {"type": kind, kind: {"name": name}}


def _output(request: Request) -> dict[str, Any]:
    output = request.output
    if output is None or output.schema is None:
        return {"type": "json_object"}
    inner: dict[str, Any] = {"name": output.name or "answer", "schema": dict(output.schema)}
    if output.description is not None:
        inner["description"] = output.description
    strict = True if request.dialect is Dialect.MESSAGES else output.strict
    return {"type": "json_schema", "json_schema": inner | ({} if strict is None else {"strict": strict})}
