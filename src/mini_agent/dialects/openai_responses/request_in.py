"""From a body of OpenAI's Responses to a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mini_agent.core.errors import InvalidParameter, MissingParameter
from mini_agent.dialects.marks import read_cache
from mini_agent.dialects.names import Dialect
from mini_agent.dialects.openai_responses.thoughts import read_thought
from mini_agent.dialects.parameters import leftovers, split_settings
from mini_agent.dialects.parts import PartReaders, read_parts, read_refusal, read_words
from mini_agent.dialects.reading import (
    optional_text,
    read_bool,
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
    Request,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

_ME = Dialect.RESPONSES
_EMPTY: Mapping[str, Any] = {}
#: What `include` asks for that we know.
ENCRYPTED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"


def decode_request(body: Mapping[str, Any]) -> Request:
    """Read a decoded body; as `Codec` says."""
    model = required_text(body, "model")
    settings, extra = split_settings(body, _ME)
    reasoning = read_object(body.get("reasoning") or _EMPTY, "reasoning")
    text = read_object(body.get("text") or _EMPTY, "text")
    options = read_object(body.get("stream_options") or _EMPTY, "stream_options")
    extra |= leftovers("reasoning", reasoning, ("effort", "summary", "generate_summary"))
    extra |= leftovers("text", text, ("format", "verbosity"))
    extra |= leftovers("stream_options", options, ("include_obfuscation",))
    included = settings.pop("include", [])
    if others := [item for item in included if item not in (ENCRYPTED, LOGPROBS)]:
        settings["include"] = others
    tools = read_objects(body.get("tools") or [], "tools")
    choice, parallel = body.get("tool_choice"), body.get("parallel_tool_calls")
    summary = reasoning.get("summary") or reasoning.get("generate_summary")
    return Request(
        dialect=_ME,
        model=model,
        messages=_messages(body),
        tools=tuple(_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools)),
        tool_choice=None if choice is None else _tool_choice(choice),
        parallel=None if parallel is None else read_bool(parallel, "parallel_tool_calls"),
        output=_output(text.get("format")),
        effort=optional_text(reasoning.get("effort"), "reasoning.effort"),
        summary=optional_text(summary, "reasoning.summary"),
        verbosity=optional_text(text.get("verbosity"), "text.verbosity"),
        user=optional_text(body.get("user"), "user"),
        safety_identifier=optional_text(body.get("safety_identifier"), "safety_identifier"),
        logprobs=LOGPROBS in included,
        keep_reasoning=ENCRYPTED in included,
        stream=read_bool(body.get("stream") or False, "stream"),
        include_usage=True,
        settings=settings,
        extra=extra,
    )


def _output(value: object) -> OutputFormat | None:
    if value is None:
        return None
    form, where = read_object(value, "text.format"), "text.format"
    match form.get("type"):
        case "text":
            return None
        case "json_object":
            return OutputFormat(None)
        case "json_schema":
            return OutputFormat(
                read_object(form.get("schema"), f"{where}.schema"),
                required_text(form, "name", where),
                optional_text(form.get("description"), f"{where}.description"),
                None if form.get("strict") is None else read_bool(form["strict"], f"{where}.strict"),
            )
    raise InvalidParameter("Invalid 'text.format.type': expected text, json_object or json_schema", param="text")


def _tool(tool: Mapping[str, Any], where: str) -> Tool:
    kind = read_text(tool.get("type"), f"{where}.type")
    if kind not in ("function", "custom"):
        return Tool(kind=kind, name=str(tool.get("name") or kind), native=tool)
    schema, form = tool.get("parameters"), tool.get("format")
    return Tool(
        kind=kind,
        name=required_text(tool, "name", where),
        native=tool,
        description=optional_text(tool.get("description"), f"{where}.description"),
        schema=None if schema is None else read_object(schema, f"{where}.parameters"),
        strict=None if tool.get("strict") is None else read_bool(tool["strict"], f"{where}.strict"),
        format=None if form is None else read_object(form, f"{where}.format"),
    )


def _tool_choice(value: object) -> ToolChoice:
    if isinstance(value, str):
        if value not in ("auto", "none", "required"):
            raise InvalidParameter("Invalid 'tool_choice': expected none, auto or required", param="tool_choice")
        return ToolChoice(value)  # type: ignore[arg-type]
    choice = read_object(value, "tool_choice")
    match choice.get("type"):
        case "function" | "custom" as kind:
            return ToolChoice("tool", required_text(choice, "name", "tool_choice"), custom=kind == "custom")
        case "allowed_tools":
            tools = read_objects(choice.get("tools"), "tool_choice.tools")
            names = tuple(str(tool.get("name") or tool.get("type")) for tool in tools)
            mode = "required" if choice.get("mode") == "required" else "auto"
            return ToolChoice(mode, allowed=names)  # type: ignore[arg-type]
    return ToolChoice("other", native=choice)


def _messages(body: Mapping[str, Any]) -> tuple[Message, ...]:
    read: list[Message] = []
    if instructions := optional_text(body.get("instructions"), "instructions"):
        read.append(Message("system", (Text(instructions),)))
    given = body.get("input")
    if given is None or given == "" or given == []:
        raise MissingParameter("Missing required parameter: 'input'", param="input")
    if isinstance(given, str):
        return (*read, Message("user", (Text(given),)))
    for index, item in enumerate(read_objects(given, "input")):
        message = _item(item, f"input[{index}]")
        if read and message.role in ("assistant", "tool") and read[-1].role == message.role:
            read[-1] = Message(message.role, (*read[-1].parts, *message.parts))
        else:
            read.append(message)
    return tuple(read)


def _item(item: Mapping[str, Any], where: str) -> Message:
    kind = read_text(item.get("type", "message"), f"{where}.type")
    match kind:
        case "message":
            role = item.get("role")
            if role not in ("user", "assistant", "system", "developer"):
                expected = "user, assistant, system or developer"
                raise InvalidParameter(f"Invalid '{where}.role': expected {expected}", param="input")
            return Message(role, read_parts(item.get("content"), f"{where}.content", _ME, _PARTS))
        case "function_call" | "custom_tool_call":
            custom = kind == "custom_tool_call"
            field = "input" if custom else "arguments"
            text = read_text(item.get(field) or "", f"{where}.{field}")
            call_id, name = required_text(item, "call_id", where), required_text(item, "name", where)
            return Message("assistant", (ToolCall(call_id, name, text, custom),))
        case "function_call_output" | "custom_tool_call_output":
            parts: tuple[Any, ...] = read_parts(item.get("output"), f"{where}.output", _ME, _PARTS)
            call_id = required_text(item, "call_id", where)
            return Message("tool", (ToolResult(call_id, parts, custom=kind == "custom_tool_call_output"),))
        case "reasoning":
            return Message("assistant", (read_thought(item, where),))
    return Message("assistant", (Opaque(_ME, kind, item),))


def _image(part: Mapping[str, Any], where: str) -> Part:
    url, file_id = optional_text(part.get("image_url"), f"{where}.image_url"), optional_text(part.get("file_id"), where)
    if url is None and file_id is None:
        raise MissingParameter(f"Missing required parameter: '{where}.image_url'", param="input")
    return Image(url, file_id, optional_text(part.get("detail"), f"{where}.detail"), read_cache(part, where))


def _file(part: Mapping[str, Any], where: str) -> Part:
    url = optional_text(part.get("file_data"), f"{where}.file_data")
    url = optional_text(part.get("file_url"), f"{where}.file_url") if url is None else url
    file_id = optional_text(part.get("file_id"), f"{where}.file_id")
    if url is None and file_id is None:
        raise MissingParameter(f"Missing required parameter: '{where}.file_data'", param="input")
    return Document(
        url, file_id, optional_text(part.get("filename"), f"{where}.filename"), None, read_cache(part, where)
    )


_PARTS: PartReaders = {
    "input_text": read_words,
    "output_text": read_words,
    "refusal": read_refusal,
    "input_image": _image,
    "input_file": _file,
}
