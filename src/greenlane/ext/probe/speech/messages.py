"""Messages, as Anthropic defined them."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from greenlane.ext.probe.speech.protocol import dict_of, list_of, text_of, usage_of
from greenlane.ext.probe.values import Answer, Asked, Call, Event, Question, Result, Said, Shown, Turn

ENDED = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tools"}
VERSION = "2023-06-01"


class Messages:
    """The dialect `messages`."""

    path = "/v1/messages"

    def headers(self, key: str) -> dict[str, str]:
        """Return the version and the key."""
        return {"anthropic-version": VERSION, **({"x-api-key": key} if key else {})}

    def body(self, question: Question, model: str, *, stream: bool) -> dict[str, Any]:
        """Return a request. A seed has no place in it; a schema becomes the one tool that must be called."""
        body: dict[str, Any] = {
            "model": model,
            "max_tokens": question.max_tokens,
            "messages": _merged([_message(turn) for turn in question.turns]),
        }
        if question.system:
            body["system"] = question.system
        if question.stop:
            body["stop_sequences"] = list(question.stop)
        if question.temperature is not None:
            body["temperature"] = question.temperature
        if question.tools:
            body["tools"] = [
                {"name": t.name, "description": t.description, "input_schema": dict(t.parameters)}
                for t in question.tools
            ]
        if question.choice:
            known = {"auto": {"type": "auto"}, "required": {"type": "any"}, "none": {"type": "none"}}
            body["tool_choice"] = known.get(question.choice) or {"type": "tool", "name": question.choice}
        if stream:
            body["stream"] = True
        return body

    def answer(self, body: dict[str, Any]) -> Answer:
        """Return a plain answer."""
        blocks = [dict_of(block) for block in list_of(body.get("content"))]
        return Answer(
            text="".join(text_of(block.get("text")) for block in blocks if block.get("type") == "text"),
            ended=_ended(body.get("stop_reason")),
            calls=tuple(
                Call(text_of(b.get("id")), text_of(b.get("name")), json.dumps(b.get("input"), ensure_ascii=False))
                for b in blocks if b.get("type") == "tool_use"
            ),
            usage=usage_of(body.get("usage"), "input_tokens", "output_tokens"),
            model=text_of(body.get("model")),
            id=text_of(body.get("id")),
            raw=body,
        )  # fmt: skip

    def joined(self, events: Sequence[Event]) -> Answer:
        """Return what the events of a stream make together: usage of the start, overlaid by that of the end."""
        data = [event.data for event in events if isinstance(event.data, dict)]
        start = next((dict_of(d.get("message")) for d in data if d.get("type") == "message_start"), {})
        blocks: dict[int, dict[str, Any]] = {}
        usage, stop = dict(dict_of(start.get("usage"))), None
        for one in data:
            kind, index = one.get("type"), one.get("index", 0)
            if kind == "content_block_start":
                blocks[index] = {**dict_of(one.get("content_block")), "pieces": []}
            elif kind == "content_block_delta" and index in blocks:
                delta = dict_of(one.get("delta"))
                blocks[index]["pieces"].append(text_of(delta.get("text")) or text_of(delta.get("partial_json")))
            elif kind == "message_delta":
                stop = dict_of(one.get("delta")).get("stop_reason")
                usage |= dict_of(one.get("usage"))
        made = [blocks[index] for index in sorted(blocks)]
        return Answer(
            text="".join("".join(b["pieces"]) for b in made if b.get("type") == "text"),
            ended=_ended(stop),
            calls=tuple(
                Call(text_of(b.get("id")), text_of(b.get("name")), "".join(b["pieces"]) or "{}")
                for b in made if b.get("type") == "tool_use"
            ),
            usage=usage_of(usage or None, "input_tokens", "output_tokens"),
            model=text_of(start.get("model")),
            id=text_of(start.get("id")),
            raw=data[-1] if data else {},
        )  # fmt: skip


def _ended(reason: object) -> str:
    return ENDED.get(text_of(reason), text_of(reason))


def _merged(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages in which neighbours of one role are one, as the dialect wants the results of several tools."""
    merged: list[dict[str, Any]] = []
    for message in messages:
        if merged and merged[-1]["role"] == message["role"]:
            merged[-1] = {"role": message["role"], "content": [*merged[-1]["content"], *message["content"]]}
        else:
            merged.append(message)
    return merged


def _message(turn: Turn) -> dict[str, Any]:
    """Return a turn as a message."""
    match turn:
        case Said(role, text):
            return {"role": role, "content": [{"type": "text", "text": text}]}
        case Shown(text, png):
            source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(png).decode()}
            parts: list[dict[str, Any]] = [{"type": "text", "text": text}, {"type": "image", "source": source}]
            return {"role": "user", "content": parts}
        case Asked(calls):
            used = [{"type": "tool_use", "id": c.id, "name": c.name, "input": json.loads(c.arguments)} for c in calls]
            return {"role": "assistant", "content": used}
        case Result(call_id, text):
            return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call_id, "content": text}]}
