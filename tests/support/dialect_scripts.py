"""A provider that says what a test wrote, in each of the three dialects: plain data, and behaviours of `Upstream`.

Written from the protocols' documentation, not from the gateway's code, so that the two can disagree.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from support.upstream import Behaviour, answer, pieces

CHAT, MESSAGES, RESPONSES = DIALECTS = ("openai_chat", "anthropic_messages", "openai_responses")
#: Where each dialect is spoken.
PATHS = {"/v1/chat/completions": CHAT, "/v1/messages": MESSAGES, "/v1/responses": RESPONSES}
MODEL = "scripted-model"


@dataclass(frozen=True)
class Thought:
    """What the model thinks. signature: what its provider wants back with it."""

    text: str
    signature: str = "c2lnbmF0dXJl"


@dataclass(frozen=True)
class Words:
    """What it says."""

    text: str


@dataclass(frozen=True)
class Call:
    """What it calls. arguments: JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Script:
    """One answer.

    finish: stop, length, tool_calls, content_filter or stop_sequence. usage: all tokens read, written,
    read from the cache, written to it, thought. name: of the answer, what its id ends with.
    """

    parts: tuple[Thought | Words | Call, ...]
    finish: str = "stop"
    sequence: str | None = None
    usage: tuple[int, int, int, int, int] = (30, 12, 8, 4, 5)
    cut: int = 4
    name: str = "up"

    def body(self, dialect: str) -> dict[str, Any]:
        """Return the whole answer."""
        return {CHAT: _completion, MESSAGES: _message, RESPONSES: _response}[dialect](self)

    def events(self, dialect: str) -> list[dict[str, Any]]:
        """Return the events of the stream, deltas of at most `cut` characters."""
        return list({CHAT: _chunks, MESSAGES: _message_events, RESPONSES: _response_events}[dialect](self))

    def pieces(self, text: str) -> list[str]:
        """Return a text as deltas."""
        return [text[at : at + self.cut] for at in range(0, len(text), self.cut)]


def wire(dialect: str, events: Iterable[Mapping[str, Any]], *, done: bool = True) -> bytes:
    """Return events as server-sent ones; chat's end with `[DONE]` unless told otherwise."""
    frames = []
    for event in events:
        name = "" if dialect == CHAT else f"event: {event['type']}\n"
        frames.append(f"{name}data: {json.dumps(event)}\n\n")
    return ("".join(frames) + ("data: [DONE]\n\n" if dialect == CHAT and done else "")).encode()


def error_body(dialect: str, message: str, kind: str, code: str | None = None) -> dict[str, Any]:
    """Return an error as the provider writes it."""
    if dialect == MESSAGES:
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def failing(dialect: str, message: str) -> dict[str, Any]:
    """Return the event of a provider that is overloaded in the middle of its stream."""
    if dialect == MESSAGES:
        return {"type": "error", "error": {"type": "overloaded_error", "message": message}}
    if dialect == CHAT:
        return {"error": {"message": message, "type": "server_error", "code": 503, "param": None}}
    error = {"code": "server_error", "message": message}
    return {"type": "response.failed", "sequence_number": 9, "response": {**_response_head("failed"), "error": error}}


def speak(script: Script) -> Behaviour:
    """Answer in the dialect of the path, whole or as a stream, as the request asks."""

    async def behave(request: web.Request) -> web.StreamResponse:
        dialect = PATHS[request.path]
        body = json.loads(await request.read())
        if not body.get("stream"):
            return await answer(script.body(dialect))(request)
        frames = wire(dialect, script.events(dialect)).split(b"\n\n")
        return await pieces(*(frame + b"\n\n" for frame in frames if frame))(request)

    return behave


def _completion(script: Script) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    calls = []
    for part in script.parts:
        match part:
            case Thought():
                message["reasoning_content"] = part.text
            case Words():
                message["content"] = (message["content"] or "") + part.text
            case Call():
                function = {"name": part.name, "arguments": part.arguments}
                calls.append({"id": part.id, "type": "function", "function": function})
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _chat_finish(script)}
    if script.sequence is not None:
        choice["stop_reason"] = script.sequence
    head = {"id": f"chatcmpl-{script.name}", "object": "chat.completion", "created": 1, "model": MODEL}
    return {**head, "choices": [choice], "usage": _chat_usage(script)}


def _chat_finish(script: Script) -> str:
    return "stop" if script.finish == "stop_sequence" else script.finish


def _chat_usage(script: Script) -> dict[str, Any]:
    read, written, cached, kept, thought = script.usage
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": kept},
        "completion_tokens_details": {"reasoning_tokens": thought},
    }


def _chunks(script: Script) -> Iterable[dict[str, Any]]:
    head = {"id": f"chatcmpl-{script.name}", "object": "chat.completion.chunk", "created": 1, "model": MODEL}

    def chunk(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": 0, "delta": dict(delta), "logprobs": None, "finish_reason": finish}
        if finish is not None and script.sequence is not None:
            choice["stop_reason"] = script.sequence
        return {**head, "choices": [choice]}

    yield chunk({"role": "assistant", "content": ""})
    number = 0
    for part in script.parts:
        match part:
            case Thought():
                yield from (chunk({"reasoning_content": piece}) for piece in script.pieces(part.text))
            case Words():
                yield from (chunk({"content": piece}) for piece in script.pieces(part.text))
            case Call():
                function: dict[str, Any] = {"name": part.name, "arguments": ""}
                yield chunk(
                    {"tool_calls": [{"index": number, "id": part.id, "type": "function", "function": function}]}
                )
                for piece in script.pieces(part.arguments):
                    yield chunk({"tool_calls": [{"index": number, "function": {"arguments": piece}}]})
                number += 1
    yield chunk({}, _chat_finish(script))
    yield {**head, "choices": [], "usage": _chat_usage(script)}


_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


def _message(script: Script) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for part in script.parts:
        match part:
            case Thought():
                content.append({"type": "thinking", "thinking": part.text, "signature": part.signature})
            case Words():
                content.append({"type": "text", "text": part.text, "citations": None})
            case Call():
                arguments = json.loads(part.arguments)
                content.append({"type": "tool_use", "id": part.id, "name": part.name, "input": arguments})
    stop = {"stop_reason": _STOPS.get(script.finish, script.finish), "stop_sequence": script.sequence}
    return {**_message_head(script), "content": content, **stop, "usage": _message_usage(script)}


def _message_head(script: Script) -> dict[str, Any]:
    started = {**_message_usage(script), "output_tokens": 1}
    started.pop("output_tokens_details")
    head = {"id": f"msg_{script.name}", "type": "message", "role": "assistant", "model": MODEL, "content": []}
    return {**head, "stop_reason": None, "stop_sequence": None, "usage": started}


def _message_usage(script: Script) -> dict[str, Any]:
    read, written, cached, kept, thought = script.usage
    return {
        "input_tokens": read - cached - kept,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": kept,
        "output_tokens": written,
        "output_tokens_details": {"thinking_tokens": thought},
    }


def _message_events(script: Script) -> Iterable[dict[str, Any]]:
    yield {"type": "message_start", "message": _message_head(script)}
    yield {"type": "ping"}
    for index, part in enumerate(script.parts):
        deltas: list[dict[str, Any]]
        match part:
            case Thought():
                block: dict[str, Any] = {"type": "thinking", "thinking": "", "signature": ""}
                deltas = [{"type": "thinking_delta", "thinking": piece} for piece in script.pieces(part.text)]
                deltas.append({"type": "signature_delta", "signature": part.signature})
            case Words():
                block = {"type": "text", "text": ""}
                deltas = [{"type": "text_delta", "text": piece} for piece in script.pieces(part.text)]
            case Call():
                block = {"type": "tool_use", "id": part.id, "name": part.name, "input": {}}
                deltas = [{"type": "input_json_delta", "partial_json": ""}]
                deltas += [{"type": "input_json_delta", "partial_json": p} for p in script.pieces(part.arguments)]
        yield {"type": "content_block_start", "index": index, "content_block": block}
        yield from ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        yield {"type": "content_block_stop", "index": index}
    stop = {"stop_reason": _STOPS.get(script.finish, script.finish), "stop_sequence": script.sequence}
    yield {"type": "message_delta", "delta": stop, "usage": _message_usage(script)}
    yield {"type": "message_stop"}


_CUTS = {"length": "max_output_tokens", "content_filter": "content_filter"}


def _response_head(status: str, name: str = "up") -> dict[str, Any]:
    return {
        "id": f"resp_{name}",
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": MODEL,
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
    }


def _items(script: Script) -> Iterable[dict[str, Any]]:
    for index, part in enumerate(script.parts):
        match part:
            case Thought():
                summary = [{"type": "summary_text", "text": part.text}] if part.text else []
                item = {"id": f"rs_{index}", "type": "reasoning", "summary": summary}
                yield {**item, "encrypted_content": part.signature}
            case Words():
                content = [{"type": "output_text", "text": part.text, "annotations": [], "logprobs": []}]
                item = {"id": f"msg_{index}", "type": "message", "status": "completed", "role": "assistant"}
                yield {**item, "content": content}
            case Call():
                item = {"id": f"fc_{index}", "type": "function_call", "status": "completed"}
                yield {**item, "call_id": part.id, "name": part.name, "arguments": part.arguments}


def _response(script: Script) -> dict[str, Any]:
    read, written, cached, kept, thought = script.usage
    cut = _CUTS.get(script.finish)
    response = {**_response_head("incomplete" if cut else "completed", script.name), "output": list(_items(script))}
    response["usage"] = {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": kept},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": read + written,
    }
    if cut:
        response["incomplete_details"] = {"reason": cut}
    return response


def _response_events(script: Script) -> Iterable[dict[str, Any]]:
    for number, event in enumerate(_unnumbered(script)):
        yield {**event, "sequence_number": number}


def _unnumbered(script: Script) -> Iterable[dict[str, Any]]:
    yield {"type": "response.created", "response": _response_head("in_progress", script.name)}
    yield {"type": "response.in_progress", "response": _response_head("in_progress", script.name)}
    for index, (part, item) in enumerate(zip(script.parts, _items(script), strict=True)):
        place = {"item_id": item["id"], "output_index": index}
        empty = {"summary": []} if isinstance(part, Thought) else {"content": [], "status": "in_progress"}
        if isinstance(part, Call):
            empty = {"arguments": "", "status": "in_progress"}
        yield {"type": "response.output_item.added", "output_index": index, "item": {**item, **empty}}
        match part:
            case Thought():
                yield from _summary_events(script, part, {**place, "summary_index": 0})
            case Words():
                yield from _text_events(script, part, {**place, "content_index": 0})
            case Call():
                kind = "response.function_call_arguments"
                yield from ({"type": f"{kind}.delta", **place, "delta": p} for p in script.pieces(part.arguments))
                yield {"type": f"{kind}.done", **place, "name": part.name, "arguments": part.arguments}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    response = _response(script)
    yield {"type": f"response.{response['status']}", "response": response}


def _summary_events(script: Script, part: Thought, place: dict[str, Any]) -> Iterable[dict[str, Any]]:
    if not part.text:
        return
    kind = "response.reasoning_summary"
    yield {"type": f"{kind}_part.added", **place, "part": {"type": "summary_text", "text": ""}}
    yield from ({"type": f"{kind}_text.delta", **place, "delta": piece} for piece in script.pieces(part.text))
    yield {"type": f"{kind}_text.done", **place, "text": part.text}
    yield {"type": f"{kind}_part.done", **place, "part": {"type": "summary_text", "text": part.text}}


def _text_events(script: Script, part: Words, place: dict[str, Any]) -> Iterable[dict[str, Any]]:
    whole = {"type": "output_text", "text": part.text, "annotations": [], "logprobs": []}
    yield {"type": "response.content_part.added", **place, "part": {**whole, "text": ""}}
    for piece in script.pieces(part.text):
        yield {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **place, "text": part.text, "logprobs": []}
    yield {"type": "response.content_part.done", **place, "part": whole}
