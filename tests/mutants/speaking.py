"""How the healthy gateway reads and writes each dialect: bodies in, prompts out; thoughts in, bodies and events out."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from mutants.brain import Prompt, Thought, Turn, tokens_of

MADE = 1_760_000_000
"""The second at which everything was made."""


class RefusedError(Exception):
    """A request that is refused: status, type and message."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


@dataclass(frozen=True)
class Sent:
    """An event of a stream: `data` is an object, or text that is sent as it is."""

    data: Any
    name: str = ""


def bad(message: str) -> RefusedError:
    """Return the refusal of a bad request."""
    return RefusedError(400, "invalid_request_error", message)


def prompt_of(dialect: str, body: dict[str, Any]) -> Prompt:
    """Return what a request asks; RefusedError for one that is wrong."""
    return {"chat": _chat, "messages": _messages, "responses": _responses}[dialect](body)


def _turns(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    turns = body.get(name)
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, dict) for turn in turns):
        raise bad(f"`{name}` must be a list of objects with at least one")
    return turns


def _room(body: dict[str, Any], *names: str) -> int:
    for name in names:
        value = body.get(name)
        if value is not None:
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise bad(f"`{name}` must be a whole number from 1")
            return value
    return 1024


def _picture(url: str) -> bytes:
    try:
        png = base64.b64decode(url.partition("base64,")[2], validate=True)
    except binascii.Error as error:
        raise bad("an image is no base64") from error
    if not png.startswith(b"\x89PNG"):
        raise bad("an image is of no known type")
    return png


def _named(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise bad("a tool has no `name`")
    return name


def _object_schema(schema: Any) -> Any:
    if not isinstance(schema, dict) or schema.get("type") not in ("object", "array", "string", "integer"):
        raise bad("the schema is none")
    return schema


def _text_parts(content: Any, *kinds: str) -> tuple[str, bytes | None]:
    """Return text and picture of content."""
    if isinstance(content, str):
        return content, None
    if content is None:
        return "", None
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise bad("`content` must be text or a list of parts")
    text, png = "", None
    for part in content:
        kind = part.get("type")
        if kind in kinds:
            text += part["text"]
        elif kind == "image_url":
            png = _picture(part["image_url"]["url"])
        elif kind == "input_image":
            png = _picture(part["image_url"])
        elif kind == "image":
            png = _picture(f"base64,{part['source']['data']}")
        else:
            raise bad(f"a part of type {kind!r} is not known")
    return text, png


def _json_arguments(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError) as error:
        raise bad("the arguments of a call are no JSON") from error


def _chat(body: dict[str, Any]) -> Prompt:
    system, turns = "", []
    for message in _turns(body, "messages"):
        role = message.get("role")
        if role not in ("system", "developer", "user", "assistant", "tool"):
            raise bad(f"`role` is {role!r}")
        text, png = _text_parts(message.get("content"), "text")
        if role in ("system", "developer"):
            system += text
            continue
        calls = tuple(
            (call["id"], call["function"]["name"], _json_arguments(call["function"]["arguments"]))
            for call in message.get("tool_calls") or ()
        )
        turns.append(Turn(role, text, png, calls, message.get("tool_call_id", "")))
    if not turns:
        raise bad("`messages` has nothing to answer")
    choice = body.get("tool_choice") or "auto"
    form = body.get("response_format") or {}
    stop = body.get("stop") or ()
    return Prompt(
        turns=tuple(turns), system=system, max_tokens=_room(body, "max_completion_tokens", "max_tokens"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        temperature=1.0 if body.get("temperature") is None else float(body["temperature"]), seed=body.get("seed"),
        tools=tuple(
            (_named(tool["function"].get("name")), tool["function"].get("parameters") or {})
            for tool in body.get("tools") or ()
        ),
        choice=choice if isinstance(choice, str) else choice["function"]["name"],
        schema=_object_schema(form["json_schema"].get("schema")) if form.get("type") == "json_schema" else None,
    )  # fmt: skip


def _messages(body: dict[str, Any]) -> Prompt:
    turns: list[Turn] = []
    for message in _turns(body, "messages"):
        role, content = message.get("role"), message.get("content")
        if role not in ("user", "assistant"):
            raise bad(f"`role` is {role!r}")
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
        if not all(isinstance(block, dict) for block in blocks) or not isinstance(content, str | list):
            raise bad("`content` must be text or a list of blocks")
        used = [block for block in blocks if block.get("type") == "tool_use"]
        if any(not isinstance(block.get("input"), dict) for block in used):
            raise bad("`input` must be an object")
        results = [block for block in blocks if block.get("type") == "tool_result"]
        text, png = _text_parts([b for b in blocks if b.get("type") not in ("tool_use", "tool_result")], "text")
        for block in results:
            said, _ = _text_parts(block.get("content"), "text")
            turns.append(Turn("tool", said, call_id=block["tool_use_id"]))
        if text or png is not None or used or not results:
            turns.append(Turn(role, text, png, tuple((b["id"], b["name"], b["input"]) for b in used)))
    if body.get("max_tokens") is None:
        raise bad("`max_tokens` is required")
    choice = body.get("tool_choice") or {"type": "auto"}
    system, _ = _text_parts(body.get("system"), "text")
    return Prompt(
        turns=tuple(turns), system=system, max_tokens=_room(body, "max_tokens"),
        stop=tuple(body.get("stop_sequences") or ()),
        temperature=1.0 if body.get("temperature") is None else float(body["temperature"]),
        tools=tuple((_named(tool.get("name")), tool.get("input_schema") or {}) for tool in body.get("tools") or ()),
        choice=choice.get("name") or {"any": "required"}.get(choice["type"], choice["type"]),
    )  # fmt: skip


def _responses(body: dict[str, Any]) -> Prompt:
    given = body.get("input")
    items = [{"type": "message", "role": "user", "content": given}] if isinstance(given, str) else _turns(body, "input")
    system, turns = body.get("instructions") or "", []
    for item in items:
        kind = item.get("type") or ("message" if "role" in item else None)
        if kind == "message":
            if item.get("role") not in ("user", "assistant", "system", "developer"):
                raise bad(f"`role` is {item.get('role')!r}")
            text, png = _text_parts(item.get("content"), "input_text", "output_text")
            if item["role"] in ("system", "developer"):
                system += text
            else:
                turns.append(Turn(item["role"], text, png))
        elif kind == "function_call":
            call = (item["call_id"], item["name"], _json_arguments(item["arguments"]))
            turns.append(Turn("assistant", calls=(call,)))
        elif kind == "function_call_output":
            turns.append(Turn("tool", item["output"], call_id=item["call_id"]))
        else:
            raise bad(f"an item of type {kind!r} is not known")
    choice, form = body.get("tool_choice") or "auto", (body.get("text") or {}).get("format") or {}
    return Prompt(
        turns=tuple(turns), system=system, max_tokens=_room(body, "max_output_tokens"),
        temperature=1.0 if body.get("temperature") is None else float(body["temperature"]),
        tools=tuple((_named(tool.get("name")), tool.get("parameters") or {}) for tool in body.get("tools") or ()),
        choice=choice if isinstance(choice, str) else choice["name"],
        schema=_object_schema(form.get("schema")) if form.get("type") == "json_schema" else None,
    )  # fmt: skip


REASONS = {
    "chat": {"stop": "stop", "stop_text": "stop", "length": "length", "tools": "tool_calls"},
    "messages": {"stop": "end_turn", "stop_text": "stop_sequence", "length": "max_tokens", "tools": "tool_use"},
}


def usage_of(dialect: str, thought: Thought) -> dict[str, int]:
    """Return the usage as a dialect tells it."""
    prompt, answer = thought.prompt_tokens, thought.answer_tokens
    if dialect == "chat":
        return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
    if dialect == "messages":
        return {"input_tokens": prompt, "output_tokens": answer}
    return {"input_tokens": prompt, "output_tokens": answer, "total_tokens": prompt + answer}


def body_of(dialect: str, thought: Thought, model: str, number: int) -> dict[str, Any]:
    """Return a plain answer. number: of the request, which makes its ids."""
    if dialect == "chat":
        return _chat_body(thought, model, number)
    if dialect == "messages":
        return _messages_body(thought, model, number)
    return _responses_body(thought, model, number)


def _chat_body(thought: Thought, model: str, number: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": thought.text if not thought.calls else None}
    if thought.calls:
        message["tool_calls"] = [
            {"id": i, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for i, name, arguments in thought.calls
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": REASONS["chat"][thought.ended]}
    return {
        "id": f"chatcmpl-{number:08d}", "object": "chat.completion", "created": MADE, "model": model,
        "choices": [choice], "usage": usage_of("chat", thought),
    }  # fmt: skip


def _messages_body(thought: Thought, model: str, number: int) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = [{"type": "text", "text": thought.text}] if thought.text or not thought.calls else []
    blocks += [{"type": "tool_use", "id": i, "name": name, "input": given} for i, name, given in thought.calls]
    return {
        "id": f"msg_{number:08d}", "type": "message", "role": "assistant", "model": model, "content": blocks,
        "stop_reason": REASONS["messages"][thought.ended], "stop_sequence": thought.stop or None,
        "usage": usage_of("messages", thought),
    }  # fmt: skip


def _items(thought: Thought, number: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if thought.text or not thought.calls:
        part = {"type": "output_text", "text": thought.text, "annotations": []}
        status = "incomplete" if thought.ended == "length" else "completed"
        items.append({
            "id": f"msg_{number:08d}", "type": "message", "status": status, "role": "assistant", "content": [part],
        })  # fmt: skip
    items += [
        {"id": f"fc_{call_id}", "type": "function_call", "status": "completed", "call_id": call_id, "name": name,
         "arguments": json.dumps(arguments)}
        for call_id, name, arguments in thought.calls
    ]  # fmt: skip
    return items


def _responses_body(thought: Thought, model: str, number: int) -> dict[str, Any]:
    cut = thought.ended == "length"
    return {
        "id": f"resp_{number:08d}", "object": "response", "created_at": MADE, "model": model,
        "status": "incomplete" if cut else "completed", "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None, "output": _items(thought, number),
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": usage_of("responses", thought),
    }  # fmt: skip


def events_of(dialect: str, thought: Thought, model: str, number: int) -> list[Sent]:
    """Return a stream."""
    if dialect == "chat":
        return _chat_events(thought, model, number)
    if dialect == "messages":
        return _messages_events(thought, model, number)
    return _responses_events(thought, model, number)


def _halves(text: str) -> tuple[str, str]:
    middle = len(text) // 2
    return text[:middle], text[middle:]


def _chat_events(thought: Thought, model: str, number: int) -> list[Sent]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> Sent:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return Sent({**head, "choices": [choice], "usage": None})

    head = {"id": f"chatcmpl-{number:08d}", "object": "chat.completion.chunk", "created": MADE, "model": model}
    events = [chunk({"role": "assistant", "content": "" if not thought.calls else None})]
    events += [chunk({"content": piece}) for piece in tokens_of(thought.text)]
    for index, (call_id, name, arguments) in enumerate(thought.calls):
        function = {"name": name, "arguments": ""}
        first = {"index": index, "id": call_id, "type": "function", "function": function}
        events.append(chunk({"tool_calls": [first]}))
        events += [
            chunk({"tool_calls": [{"index": index, "function": {"arguments": half}}]})
            for half in _halves(json.dumps(arguments))
        ]
    events.append(chunk({}, REASONS["chat"][thought.ended]))
    events.append(Sent({**head, "choices": [], "usage": usage_of("chat", thought)}))
    return [*events, Sent("[DONE]")]


def _messages_events(thought: Thought, model: str, number: int) -> list[Sent]:
    body = _messages_body(thought, model, number)
    usage = body["usage"]
    start = {**body, "content": [], "stop_reason": None, "stop_sequence": None,
             "usage": {**usage, "output_tokens": 1}}  # fmt: skip
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(body["content"]):
        begun = {**block, "text": ""} if block["type"] == "text" else {**block, "input": {}}
        events.append({"type": "content_block_start", "index": index, "content_block": begun})
        if block["type"] == "text":
            deltas = [{"type": "text_delta", "text": piece} for piece in tokens_of(block["text"])]
        else:
            halves = _halves(json.dumps(block["input"]))
            deltas = [{"type": "input_json_delta", "partial_json": half} for half in halves]
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    ended = {"stop_reason": body["stop_reason"], "stop_sequence": body["stop_sequence"]}
    events.append({"type": "message_delta", "delta": ended, "usage": usage})
    events.append({"type": "message_stop"})
    return [Sent(event, event["type"]) for event in events]


def _responses_events(thought: Thought, model: str, number: int) -> list[Sent]:
    body = _responses_body(thought, model, number)
    begun = {**body, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun}, {"type": "response.in_progress", "response": begun},
    ]  # fmt: skip
    for index, item in enumerate(body["output"]):
        at = {"output_index": index, "item_id": item["id"]}
        if item["type"] == "message":
            part = item["content"][0]
            added = {**item, "status": "in_progress", "content": []}
            where = {**at, "content_index": 0}
            events += [
                {"type": "response.output_item.added", "output_index": index, "item": added},
                {"type": "response.content_part.added", **where, "part": {**part, "text": ""}},
                *({"type": "response.output_text.delta", **where, "delta": p} for p in tokens_of(part["text"])),
                {"type": "response.output_text.done", **where, "text": part["text"]},
                {"type": "response.content_part.done", **where, "part": part},
            ]
        else:
            added = {**item, "status": "in_progress", "arguments": ""}
            events += [
                {"type": "response.output_item.added", "output_index": index, "item": added},
                *(
                    {"type": "response.function_call_arguments.delta", **at, "delta": h}
                    for h in _halves(item["arguments"])
                ),
                {"type": "response.function_call_arguments.done", **at, "arguments": item["arguments"]},
            ]
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": f"response.{body['status']}", "response": body})
    return [Sent({**event, "sequence_number": n}, event["type"]) for n, event in enumerate(events)]


def refusal_of(dialect: str, kind: str, message: str) -> dict[str, Any]:
    """Return the envelope of a refusal."""
    if dialect == "messages":
        return {"type": "error", "error": {"type": kind, "message": message}}
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}
