"""From a body of OpenAI's Chat Completions to a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mini_agent.core.errors import InvalidParameter, MissingParameter
from mini_agent.dialects.marks import read_cache
from mini_agent.dialects.names import Dialect
from mini_agent.dialects.openai_chat.thoughts import read_thought
from mini_agent.dialects.parameters import leftovers, split_settings
from mini_agent.dialects.parts import PartReaders, read_part, read_refusal, read_words
from mini_agent.dialects.reading import (
    optional_text,
    read_bool,
    read_list,
    read_object,
    read_objects,
    read_text,
    required_text,
)
from mini_agent.dialects.request import (
    Document,
    Image,
    Message,
    Opaque,
    OutputFormat,
    Part,
    Refusal,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

_ME = Dialect.CHAT
_EMPTY: Mapping[str, Any] = {}
_MODES = ("auto", "none", "required")
_ROLES = ("system", "developer", "user", "assistant", "tool")


def decode_request(body: Mapping[str, Any]) -> Request:
    """Read a decoded body; as `Codec` says."""
    model = required_text(body, "model")
    settings, extra = split_settings(body, _ME)
    if body.get("max_tokens") is not None:
        older, _ = split_settings({"max_completion_tokens": body["max_tokens"]}, _ME)
        settings = older | settings
    options = read_object(body.get("stream_options") or _EMPTY, "stream_options")
    choice = body.get("tool_choice")
    parallel = body.get("parallel_tool_calls")
    return Request(
        dialect=_ME,
        model=model,
        messages=_messages(body),
        tools=decode_tools(body.get("tools") or []),
        tool_choice=None if choice is None else _tool_choice(choice),
        parallel=None if parallel is None else read_bool(parallel, "parallel_tool_calls"),
        stop=_stop(body.get("stop")),
        output=_output(body.get("response_format")),
        effort=optional_text(body.get("reasoning_effort"), "reasoning_effort"),
        thinking=read_object(body["thinking"], "thinking") if body.get("thinking") is not None else None,
        verbosity=optional_text(body.get("verbosity"), "verbosity"),
        user=optional_text(body.get("user"), "user"),
        safety_identifier=optional_text(body.get("safety_identifier"), "safety_identifier"),
        logprobs=read_bool(body.get("logprobs") or False, "logprobs"),
        stream=read_bool(body.get("stream") or False, "stream"),
        include_usage=read_bool(options.get("include_usage") or False, "stream_options.include_usage"),
        settings=settings,
        extra=extra | leftovers("stream_options", options, ("include_usage", "include_obfuscation")),
    )


def _stop(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(read_text(word, "stop") for word in read_list(value, "stop"))


def _output(value: object) -> OutputFormat | None:
    if value is None:
        return None
    form = read_object(value, "response_format")
    match form.get("type"):
        case "text":
            return None
        case "json_object":
            return OutputFormat(None)
        case "json_schema":
            inner = read_object(form.get("json_schema"), "response_format.json_schema")
            where = "response_format.json_schema"
            return OutputFormat(
                read_object(inner.get("schema") or _EMPTY, f"{where}.schema"),
                required_text(inner, "name", where),
                optional_text(inner.get("description"), f"{where}.description"),
                None if inner.get("strict") is None else read_bool(inner["strict"], f"{where}.strict"),
            )
    raise InvalidParameter(
        "Invalid 'response_format.type': expected text, json_object or json_schema", param="response_format"
    )


def decode_tools(tools: object) -> tuple[Tool, ...]:
    """Read the tools of a body. Returns: them. Raises: InvalidParameter."""
    return tuple(_tool(tool, f"tools[{index}]") for index, tool in enumerate(read_objects(tools, "tools")))


def _tool(tool: Mapping[str, Any], where: str) -> Tool:
    kind = read_text(tool.get("type", "function"), f"{where}.type")
    if kind not in ("function", "custom"):
        return Tool(kind=kind, name=kind, native=tool)
    inner = read_object(tool.get(kind), f"{where}.{kind}")
    where = f"{where}.{kind}"
    schema, form = inner.get("parameters"), inner.get("format")
    return Tool(
        kind=kind,
        name=required_text(inner, "name", where),
        native=tool,
        description=optional_text(inner.get("description"), f"{where}.description"),
        schema=None if schema is None else read_object(schema, f"{where}.parameters"),
        strict=None if inner.get("strict") is None else read_bool(inner["strict"], f"{where}.strict"),
        format=None if form is None else _format(read_object(form, f"{where}.format"), where),
        cache=read_cache(tool, where),
    )


def _format(form: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """Returns: the format of a custom tool as Responses writes it."""
    if form.get("type") != "grammar":
        return form
    return {"type": "grammar", **read_object(form.get("grammar"), f"{where}.format.grammar")}


def _tool_choice(value: object) -> ToolChoice:
    if isinstance(value, str):
        if value not in _MODES:
            raise InvalidParameter("Invalid 'tool_choice': expected none, auto or required", param="tool_choice")
        return ToolChoice(value)  # type: ignore[arg-type]
    choice = read_object(value, "tool_choice")
    kind = read_text(choice.get("type"), "tool_choice.type")
    if kind not in ("function", "custom", "allowed_tools"):
        return ToolChoice("other", native=choice)
    inner = read_object(choice.get(kind), f"tool_choice.{kind}")
    if kind != "allowed_tools":
        return ToolChoice("tool", required_text(inner, "name", f"tool_choice.{kind}"), custom=kind == "custom")
    tools = read_objects(inner.get("tools"), "tool_choice.allowed_tools.tools")
    names = tuple(_tool(tool, f"tool_choice.allowed_tools.tools[{at}]").name for at, tool in enumerate(tools))
    mode = "required" if inner.get("mode") == "required" else "auto"
    return ToolChoice(mode, allowed=names)  # type: ignore[arg-type]


def _messages(body: Mapping[str, Any]) -> tuple[Message, ...]:
    if not body.get("messages"):
        raise MissingParameter("Missing required parameter: 'messages'", param="messages")
    read: list[Message] = []
    for index, message in enumerate(read_objects(body["messages"], "messages")):
        where = f"messages[{index}]"
        role = message.get("role")
        if role not in _ROLES:
            expected = "system, developer, user, assistant or tool"
            raise InvalidParameter(f"Invalid '{where}.role': expected {expected}", param="messages")
        if role == "tool":
            result = _result(message, where)
            if read and read[-1].role == "tool":
                read[-1] = Message("tool", (*read[-1].parts, result))
            else:
                read.append(Message("tool", (result,)))
        else:
            parts = _assistant(message, where) if role == "assistant" else _content(message, where)
            read.append(Message(role, parts))
    return tuple(read)


def _result(message: Mapping[str, Any], where: str) -> ToolResult:
    parts: tuple[Any, ...] = _content(message, where)
    return ToolResult(required_text(message, "tool_call_id", where), parts)


def _assistant(message: Mapping[str, Any], where: str) -> tuple[Part, ...]:
    parts: list[Part] = list(read_thought(message, where))
    if message.get("content") not in (None, ""):
        parts += _content(message, where)
    if refusal := optional_text(message.get("refusal"), f"{where}.refusal"):
        parts.append(Refusal(refusal))
    for kind in ("audio", "function_call"):
        if message.get(kind) is not None:
            parts.append(Opaque(_ME, kind, {kind: message[kind]}))
    calls = read_objects(message.get("tool_calls") or [], f"{where}.tool_calls")
    return (*parts, *(_call(call, f"{where}.tool_calls[{at}]") for at, call in enumerate(calls)))


def _call(call: Mapping[str, Any], where: str) -> ToolCall:
    custom = call.get("type") == "custom"
    kind, field = ("custom", "input") if custom else ("function", "arguments")
    inner = read_object(call.get(kind), f"{where}.{kind}")
    text = read_text(inner.get(field) or "", f"{where}.{kind}.{field}")
    return ToolCall(required_text(call, "id", where), required_text(inner, "name", f"{where}.{kind}"), text, custom)


def _content(message: Mapping[str, Any], where: str) -> tuple[Part, ...]:
    content, where = message.get("content"), f"{where}.content"
    mark = read_cache(message, where)
    if isinstance(content, str):
        return (Text(content, mark),)
    parts = [_part(part, f"{where}[{index}]") for index, part in enumerate(read_list(content, where))]
    if mark is not None and parts and isinstance(parts[-1], Text):
        # Some clients mark the message: it means its last part.
        parts[-1] = Text(parts[-1].text, mark)
    return tuple(parts)


def _part(part: object, where: str) -> Part:
    return Text(part) if isinstance(part, str) else read_part(read_object(part, where), where, _ME, _PARTS)


def _image(part: Mapping[str, Any], where: str) -> Part:
    image = part.get("image_url")
    if isinstance(image, str):
        return Image(image, cache=read_cache(part, where))
    inner = read_object(image, f"{where}.image_url")
    detail = optional_text(inner.get("detail"), f"{where}.image_url.detail")
    return Image(required_text(inner, "url", f"{where}.image_url"), None, detail, read_cache(part, where))


def _file(part: Mapping[str, Any], where: str) -> Part:
    file, where = read_object(part.get("file"), f"{where}.file"), f"{where}.file"
    url = optional_text(file.get("file_data"), f"{where}.file_data")
    file_id = optional_text(file.get("file_id"), f"{where}.file_id")
    if url is None and file_id is None:
        raise MissingParameter(f"Missing required parameter: '{where}.file_data'", param="messages")
    return Document(
        url, file_id, optional_text(file.get("filename"), f"{where}.filename"), None, read_cache(part, where)
    )


_PARTS: PartReaders = {
    "text": read_words,
    "refusal": read_refusal,
    "image_url": _image,
    "file": _file,
}
