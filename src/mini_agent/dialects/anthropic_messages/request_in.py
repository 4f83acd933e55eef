"""From a body of Anthropic's Messages to a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mini_agent.core.errors import InvalidParameter, MissingParameter
from mini_agent.dialects.media import data_url, text_url
from mini_agent.dialects.names import Dialect
from mini_agent.dialects.parameters import leftovers, split_settings
from mini_agent.dialects.parts import PartReaders, read_parts
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
    Cache,
    Document,
    Image,
    Message,
    Opaque,
    OutputFormat,
    Part,
    Reasoning,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from mini_agent.dialects.sealed import unseal

_ME = Dialect.MESSAGES
_EMPTY: Mapping[str, Any] = {}
_CHOICES = {"auto": "auto", "any": "required", "none": "none", "tool": "tool"}


def decode_request(body: Mapping[str, Any]) -> Request:
    """Read a decoded body; as `Codec` says."""
    model = required_text(body, "model")
    settings, extra = split_settings(body, _ME)
    config = read_object(body.get("output_config") or _EMPTY, "output_config")
    metadata = read_object(body.get("metadata") or _EMPTY, "metadata")
    extra |= leftovers("output_config", config, ("effort", "format")) | leftovers("metadata", metadata, ("user_id",))
    choice = read_object(body.get("tool_choice") or _EMPTY, "tool_choice")
    return Request(
        dialect=_ME,
        model=model,
        messages=(*_system(body.get("system")), *_messages(body)),
        tools=tuple(
            _tool(tool, f"tools[{index}]") for index, tool in enumerate(read_objects(body.get("tools") or [], "tools"))
        ),
        tool_choice=_tool_choice(choice) if choice else None,
        parallel=False if choice.get("disable_parallel_tool_use") is True else None,
        stop=tuple(read_text(word, "stop_sequences") for word in _list(body, "stop_sequences")),
        output=_output(config.get("format") or body.get("output_format")),
        effort=optional_text(config.get("effort"), "output_config.effort"),
        thinking=read_object(body["thinking"], "thinking") if body.get("thinking") is not None else None,
        user=optional_text(metadata.get("user_id"), "metadata.user_id"),
        stream=read_bool(body.get("stream") or False, "stream"),
        include_usage=True,
        settings=settings,
        extra=extra,
    )


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    return read_list(body.get(name) or [], name)


def _output(value: object) -> OutputFormat | None:
    if value is None:
        return None
    form = read_object(value, "output_config.format")
    if form.get("type") != "json_schema":
        raise InvalidParameter("Invalid 'output_config.format.type': expected json_schema", param="output_config")
    return OutputFormat(read_object(form.get("schema"), "output_config.format.schema"))


def _tool(tool: Mapping[str, Any], where: str) -> Tool:
    name = required_text(tool, "name", where) if "name" in tool else str(tool.get("type", ""))
    if tool.get("type", "custom") not in ("custom", None):
        return Tool(kind=read_text(tool["type"], f"{where}.type"), name=name, native=tool)
    return Tool(
        kind="function",
        name=required_text(tool, "name", where),
        native=tool,
        description=optional_text(tool.get("description"), f"{where}.description"),
        schema=read_object(tool.get("input_schema"), f"{where}.input_schema"),
        strict=read_bool(tool["strict"], f"{where}.strict") if tool.get("strict") is not None else None,
        cache=_cache(tool, where),
    )


def _tool_choice(choice: Mapping[str, Any]) -> ToolChoice:
    mode = _CHOICES.get(str(choice.get("type")))
    if mode is None:
        raise InvalidParameter("Invalid 'tool_choice.type': expected auto, any, tool or none", param="tool_choice")
    name = required_text(choice, "name", "tool_choice") if mode == "tool" else ""
    return ToolChoice(mode, name)  # type: ignore[arg-type]


def _cache(block: Mapping[str, Any], where: str) -> Cache | None:
    mark = block.get("cache_control")
    if mark is None:
        return None
    return Cache(optional_text(read_object(mark, f"{where}.cache_control").get("ttl"), f"{where}.cache_control.ttl"))


def _system(value: object) -> list[Message]:
    parts = read_parts(value, "system", _ME, _BLOCKS) if value else ()
    return [Message("system", parts)] if parts else []


def _messages(body: Mapping[str, Any]) -> list[Message]:
    if not body.get("messages"):
        raise MissingParameter("Missing required parameter: 'messages'", param="messages")
    read: list[Message] = []
    for index, message in enumerate(read_objects(body["messages"], "messages")):
        where = f"messages[{index}]"
        role = message.get("role")
        if role not in ("user", "assistant", "system"):
            raise InvalidParameter(f"Invalid '{where}.role': expected user, assistant or system", param="messages")
        parts = read_parts(message.get("content"), f"{where}.content", _ME, _BLOCKS)
        results = tuple(part for part in parts if isinstance(part, ToolResult)) if role == "user" else ()
        if results:
            read.append(Message("tool", results))
            parts = tuple(part for part in parts if not isinstance(part, ToolResult))
            if not parts:
                continue
        read.append(Message(role, parts))
    return read


def _text(block: Mapping[str, Any], where: str) -> Part:
    return Text(read_text(block.get("text"), f"{where}.text"), _cache(block, where))


def _image(block: Mapping[str, Any], where: str) -> Part:
    source = read_object(block.get("source"), f"{where}.source")
    url, file_id = _source(source, f"{where}.source")
    if url is None and file_id is None:
        return Opaque(_ME, "image", block)
    return Image(url, file_id, cache=_cache(block, where))


def _document(block: Mapping[str, Any], where: str) -> Part:
    url, file_id = _source(read_object(block.get("source"), f"{where}.source"), f"{where}.source")
    if url is None and file_id is None:
        return Opaque(_ME, "document", block)
    name = optional_text(block.get("title"), f"{where}.title")
    context = optional_text(block.get("context"), f"{where}.context")
    return Document(url, file_id, name, context, _cache(block, where))


def _source(source: Mapping[str, Any], where: str) -> tuple[str | None, str | None]:
    """Returns: the address or the file id, None for both where it is neither."""
    kind = source.get("type")
    if kind == "base64":
        media_type = read_text(source.get("media_type"), f"{where}.media_type")
        return data_url(media_type, read_text(source.get("data"), f"{where}.data")), None
    if kind == "url":
        return read_text(source.get("url"), f"{where}.url"), None
    if kind == "text":
        return text_url(read_text(source.get("data"), f"{where}.data")), None
    if kind == "file":
        return None, read_text(source.get("file_id"), f"{where}.file_id")
    return None, None


def _thinking(block: Mapping[str, Any], where: str) -> Part:
    text = read_text(block.get("thinking"), f"{where}.thinking")
    signature = optional_text(block.get("signature"), f"{where}.signature") or ""
    if (foreign := unseal(signature, text)) is not None:
        return foreign
    return Reasoning(text, _ME, dict(block) if signature else None)


def _redacted(block: Mapping[str, Any], where: str) -> Part:
    data = read_text(block.get("data"), f"{where}.data")
    foreign = unseal(data, "")
    return Reasoning("", _ME, dict(block)) if foreign is None else foreign


def _tool_use(block: Mapping[str, Any], where: str) -> Part:
    arguments = msgspec.json.encode(read_object(block.get("input"), f"{where}.input")).decode()
    name = required_text(block, "name", where)
    return ToolCall(required_text(block, "id", where), name, arguments, cache=_cache(block, where))


def _tool_result(block: Mapping[str, Any], where: str) -> Part:
    content = block.get("content")
    parts: tuple[Any, ...] = () if content is None else read_parts(content, f"{where}.content", _ME, _BLOCKS)
    call_id = required_text(block, "tool_use_id", where)
    error = read_bool(block.get("is_error") or False, f"{where}.is_error")
    return ToolResult(call_id, parts, error, cache=_cache(block, where))


_BLOCKS: PartReaders = {
    "text": _text,
    "image": _image,
    "document": _document,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
}
