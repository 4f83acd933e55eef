"""From a request to a body of Anthropic's Messages."""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

from mini_agent.dialects.media import Data, decoded_text, split_data_url
from mini_agent.dialects.names import Dialect
from mini_agent.dialects.parameters import Losses, write_settings
from mini_agent.dialects.reading import arguments_object
from mini_agent.dialects.request import (
    Cache,
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
    ToolResult,
)
from mini_agent.dialects.tools import choose_tools

_ME = Dialect.MESSAGES
#: Most tokens of an answer where the caller sets no limit: the protocol demands one.
MAX_TOKENS = 8192
#: What Anthropic takes for the id of a call; other providers' ids may hold anything.
_ID_CHARACTERS = frozenset(string.ascii_letters + string.digits + "_-")
_EFFORTS = {"minimal": "low"}
_NO_ARGUMENTS = {"type": "object", "properties": {}}


def encode_request(request: Request, losses: Losses) -> dict[str, Any]:
    """Write a request for a provider; as `Codec` says."""
    body: dict[str, Any] = {"model": request.model, **write_settings(request, losses)}
    instructs = [message.role in ("system", "developer") for message in request.messages]
    leading = [*instructs, False].index(False)
    system = [block for message in request.messages[:leading] for block in _blocks(message.parts, losses)]
    if system:
        plain = len(system) == 1 and len(system[0]) == 2
        body["system"] = system[0]["text"] if plain else system
    body["messages"] = encode_messages(request.messages[leading:], losses)
    _write_tools(body, request, losses)
    _write_thinking(body, request, losses)
    if request.output is not None:
        if request.output.schema is None:
            raise losses.refuse("response_format" if request.dialect is Dialect.CHAT else "text", "any JSON object")
        form = {"type": "json_schema", "schema": dict(request.output.schema)}
        body["output_config"] = {**body.get("output_config", {}), "format": form}
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    if user := request.user or request.safety_identifier:
        body["metadata"] = {**body.get("metadata", {}), "user_id": user}
    if request.logprobs:
        raise losses.refuse("logprobs" if request.dialect is Dialect.CHAT else "include")
    if request.verbosity is not None:
        losses.drop("verbosity")
    if request.stream:
        body["stream"] = True
    return body


def encode_messages(messages: Sequence[Message], losses: Losses) -> list[dict[str, Any]]:
    """Write turns, results of tools in front of what the user says after them. Raises: UnsupportedParameter.

    Returns: the messages; such as have nothing to say are left out, because the protocol refuses them.
    """
    written: list[dict[str, Any]] = []
    after_results = False
    for message in messages:
        blocks = _blocks(message.parts, losses)
        if not blocks:
            continue
        if message.role == "user" and after_results:
            written[-1]["content"] += blocks
        else:
            role = {"developer": "system", "tool": "user"}.get(message.role, message.role)
            written.append({"role": role, "content": blocks})
        after_results = message.role == "tool"
    for turn in written:
        if len(turn["content"]) == 1 and turn["content"][0].keys() == {"type", "text"}:
            turn["content"] = turn["content"][0]["text"]
    return written


def _write_tools(body: dict[str, Any], request: Request, losses: Losses) -> None:
    tools, choice = choose_tools(request, losses)
    if not tools:
        return
    body["tools"] = [encode_tool(tool, losses) for tool in tools]
    written: dict[str, Any] = {}
    if choice is not None:
        kind = {"required": "any"}.get(choice.mode, choice.mode)
        written = {"type": kind, "name": choice.name} if kind == "tool" else {"type": kind}
    if request.parallel is False and written.get("type") != "none":
        written = {"type": "auto", **written, "disable_parallel_tool_use": True}
    if written:
        body["tool_choice"] = written


def encode_tool(tool: Tool, losses: Losses) -> dict[str, Any]:
    """Write a tool for a provider. Returns: it. Raises: UnsupportedParameter."""
    if losses.source is _ME:
        return dict(tool.native)
    if tool.kind != "function":
        raise losses.refuse("tools", f"a tool of type {tool.kind}")
    written: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        written["description"] = tool.description
    written["input_schema"] = {"type": "object", **tool.schema} if tool.schema else dict(_NO_ARGUMENTS)
    if tool.strict:
        written["strict"] = True
    return written | _cache(tool.cache)


def _write_thinking(body: dict[str, Any], request: Request, losses: Losses) -> None:
    """Write how much is thought. Whoever speaks OpenAI's words gets Anthropic's adaptive thinking of that effort."""
    if request.thinking is not None:
        body["thinking"] = dict(request.thinking)
    if request.effort == "none":
        body.setdefault("thinking", {"type": "disabled"})
    elif request.effort is not None:
        effort = _EFFORTS.get(request.effort, request.effort)
        body["output_config"] = {**body.get("output_config", {}), "effort": effort}
        # Thinking and a forced call exclude each other.
        forced = body.get("tool_choice", {}).get("type") in ("any", "tool")
        if request.dialect is not _ME and not forced and "thinking" not in losses.given:
            body.setdefault("thinking", {"type": "adaptive"})
    thinking = body.get("thinking", {})
    if request.summary is not None and thinking.get("type") in ("adaptive", "enabled"):
        body["thinking"] = {**thinking, "display": "summarized"}
    if "max_tokens" not in body and "max_tokens" not in losses.given:
        budget = thinking.get("budget_tokens")
        body["max_tokens"] = MAX_TOKENS + (budget if isinstance(budget, int) else 0)


def _blocks(parts: Iterable[Part], losses: Losses) -> list[dict[str, Any]]:
    return [block for part in parts if (block := _block(part, losses)) is not None]


def _block(part: Part, losses: Losses) -> dict[str, Any] | None:
    match part:
        case Text() | Refusal():
            # An empty text is refused by the provider, and says nothing.
            cache = part.cache if isinstance(part, Text) else None
            return {"type": "text", "text": part.text, **_cache(cache)} if part.text else None
        case ToolCall():
            return _tool_use(part, losses)
        case ToolResult():
            return _tool_result(part, losses)
        case Reasoning():
            if part.origin is _ME and part.native is not None:
                return dict(part.native)
            losses.drop("reasoning")
            return None
        case Image():
            return _image(part, losses)
        case Document():
            return _document(part, losses)
        case Opaque():
            if part.dialect is not _ME:
                raise losses.refuse(losses.conversation, f"a part of type {part.kind}")
            return dict(part.value)


def _image(part: Image, losses: Losses) -> dict[str, Any]:
    if part.detail not in (None, "auto"):
        losses.drop("detail")
    return {"type": "image", "source": _source(part, losses), **_cache(part.cache)}


def _document(part: Document, losses: Losses) -> dict[str, Any]:
    source = _source(part, losses)
    if source["type"] == "base64" and source["media_type"] != "application/pdf":
        if not source["media_type"].startswith("text/"):
            raise losses.refuse(losses.conversation, f"a file of type {source['media_type']}")
        try:
            text = decoded_text(Data(source["media_type"], source["data"]))
        except ValueError as error:
            raise losses.refuse(losses.conversation, str(error)) from error
        source = {"type": "text", "media_type": "text/plain", "data": text}
    named = {"title": part.name, "context": part.context}
    labels = {key: value for key, value in named.items() if value is not None}
    return {"type": "document", "source": source, **labels, **_cache(part.cache)}


def _source(part: Image | Document, losses: Losses) -> dict[str, Any]:
    if part.url is None:
        if losses.source is not _ME:
            raise losses.refuse(losses.conversation, "the id of a file that another provider keeps")
        return {"type": "file", "file_id": part.file_id}
    data = split_data_url(part.url)
    if data is None:
        return {"type": "url", "url": part.url}
    return {"type": "base64", "media_type": data.media_type, "data": data.base64}


def _tool_use(part: ToolCall, losses: Losses) -> dict[str, Any]:
    if part.custom:
        raise losses.refuse(losses.conversation, "a call of a custom tool")
    arguments = arguments_object(part.arguments)
    return {"type": "tool_use", "id": _call_id(part.id), "name": part.name, "input": arguments, **_cache(part.cache)}


def _tool_result(part: ToolResult, losses: Losses) -> dict[str, Any]:
    if part.custom:
        raise losses.refuse(losses.conversation, "a result of a custom tool")
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": _call_id(part.call_id)}
    content = _blocks(part.parts, losses)
    if len(content) == 1 and content[0].keys() == {"type", "text"}:
        block["content"] = content[0]["text"]
    elif content:
        block["content"] = content
    if part.error:
        block["is_error"] = True
    return block | _cache(part.cache)


def _call_id(call_id: str) -> str:
    """Returns: the id, or one made of it that the provider takes, for a call and its result the same."""
    if call_id and _ID_CHARACTERS.issuperset(call_id):
        return call_id
    # The digest keeps two ids apart that differ in forbidden characters only.
    digest = sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    begin = "".join(character if character in _ID_CHARACTERS else "_" for character in call_id[:48])
    return f"{begin}_{digest}"


def _cache(mark: Cache | None) -> dict[str, Any]:
    if mark is None:
        return {}
    return {"cache_control": {"type": "ephemeral", **({"ttl": mark.ttl} if mark.ttl else {})}}
