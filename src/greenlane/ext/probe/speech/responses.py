"""Responses, the newer dialect of OpenAI."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from greenlane.ext.probe.speech.protocol import bearer, dict_of, list_of, text_of, usage_of
from greenlane.ext.probe.values import Answer, Asked, Call, Event, Question, Result, Said, Shown, Turn

LAST = ("response.completed", "response.incomplete", "response.failed")


class Responses:
    """The dialect `responses`."""

    path = "/v1/responses"

    def headers(self, key: str) -> dict[str, str]:
        """Return the key."""
        return bearer(key)

    def body(self, question: Question, model: str, *, stream: bool) -> dict[str, Any]:
        """Return a request; the dialect has neither stop texts nor a seed."""
        body: dict[str, Any] = {
            "model": model,
            "input": [item for turn in question.turns for item in _items(turn)],
            "max_output_tokens": question.max_tokens,
            "store": False,
        }
        if question.system:
            body["instructions"] = question.system
        if question.temperature is not None:
            body["temperature"] = question.temperature
        if question.tools:
            body["tools"] = [
                {"type": "function", "name": t.name, "description": t.description, "parameters": dict(t.parameters)}
                for t in question.tools
            ]
        if question.choice in ("auto", "required", "none"):
            body["tool_choice"] = question.choice
        elif question.choice:
            body["tool_choice"] = {"type": "function", "name": question.choice}
        if question.schema is not None:
            schema = {"type": "json_schema", "name": "answer", "strict": True, "schema": dict(question.schema)}
            body["text"] = {"format": schema}
        if stream:
            body["stream"] = True
        return body

    def answer(self, body: dict[str, Any]) -> Answer:
        """Return a plain answer."""
        items = [dict_of(item) for item in list_of(body.get("output"))]
        parts = [dict_of(p) for i in items if i.get("type") == "message" for p in list_of(i.get("content"))]
        calls = tuple(
            Call(text_of(i.get("call_id")), text_of(i.get("name")), text_of(i.get("arguments")))
            for i in items if i.get("type") == "function_call"
        )  # fmt: skip
        return Answer(
            text="".join(text_of(p.get("text")) for p in parts if p.get("type") == "output_text"),
            ended=_ended(body, calls),
            calls=calls,
            usage=usage_of(body.get("usage"), "input_tokens", "output_tokens"),
            model=text_of(body.get("model")),
            id=text_of(body.get("id")),
            raw=body,
        )

    def joined(self, events: Sequence[Event]) -> Answer:
        """Return what the deltas of a stream make together, with the end as its last event tells it."""
        data = [event.data for event in events if isinstance(event.data, dict)]
        text = "".join(text_of(d.get("delta")) for d in data if d.get("type") == "response.output_text.delta")
        calls: dict[object, dict[str, str]] = {}
        for one in data:
            item = dict_of(one.get("item"))
            if one.get("type") == "response.output_item.added" and item.get("type") == "function_call":
                made = {"id": text_of(item.get("call_id")), "name": text_of(item.get("name")), "arguments": ""}
                calls[one.get("output_index")] = made
            elif one.get("type") == "response.function_call_arguments.delta" and one.get("output_index") in calls:
                calls[one.get("output_index")]["arguments"] += text_of(one.get("delta"))
        last = next((dict_of(d.get("response")) for d in reversed(data) if d.get("type") in LAST), {})
        final = self.answer(last)
        made_calls = tuple(Call(c["id"], c["name"], c["arguments"]) for c in calls.values())
        return Answer(
            text=text, ended=_ended(last, made_calls), calls=made_calls, usage=final.usage, model=final.model,
            id=final.id, raw=last,
        )  # fmt: skip


def _ended(body: dict[str, Any], calls: Sequence[Call]) -> str:
    """Return why an answer ended; the dialect tells it by status."""
    status = text_of(body.get("status"))
    if status == "incomplete":
        reason = text_of(dict_of(body.get("incomplete_details")).get("reason"))
        return "length" if reason == "max_output_tokens" else reason or status
    if status == "completed":
        return "tools" if calls else "stop"
    return status


def _items(turn: Turn) -> list[dict[str, Any]]:
    """Return a turn as items of the input."""
    match turn:
        case Said(role, text):
            kind = "output_text" if role == "assistant" else "input_text"
            return [{"type": "message", "role": role, "content": [{"type": kind, "text": text}]}]
        case Shown(text, png):
            url = f"data:image/png;base64,{base64.b64encode(png).decode()}"
            parts = [{"type": "input_text", "text": text}, {"type": "input_image", "image_url": url}]
            return [{"type": "message", "role": "user", "content": parts}]
        case Asked(calls):
            return [{"type": "function_call", "call_id": c.id, "name": c.name, "arguments": c.arguments} for c in calls]
        case Result(call_id, text):
            return [{"type": "function_call_output", "call_id": call_id, "output": text}]
