"""Chat completions, as OpenAI defined them and everybody else copied them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from greenlane.ext.probe.speech.protocol import bearer, dict_of, list_of, text_of, usage_of
from greenlane.ext.probe.values import Answer, Asked, Call, Event, Question, Result, Said, Shown, Turn

ENDED = {"tool_calls": "tools", "function_call": "tools"}
DONE = "[DONE]"


class Chat:
    """The dialect `chat`."""

    path = "/v1/chat/completions"

    def headers(self, key: str) -> dict[str, str]:
        """Return the key."""
        return bearer(key)

    def body(self, question: Question, model: str, *, stream: bool) -> dict[str, Any]:
        """Return a request."""
        messages = [{"role": "system", "content": question.system}] if question.system else []
        body: dict[str, Any] = {
            "model": model,
            "messages": [*messages, *map(_message, question.turns)],
            "max_tokens": question.max_tokens,
        }
        if question.stop:
            body["stop"] = list(question.stop)
        body |= {n: v for n in ("temperature", "seed") if (v := getattr(question, n)) is not None}
        if question.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {"name": t.name, "description": t.description, "parameters": dict(t.parameters)},
                }
                for t in question.tools
            ]
        if question.choice in ("auto", "required", "none"):
            body["tool_choice"] = question.choice
        elif question.choice:
            body["tool_choice"] = {"type": "function", "function": {"name": question.choice}}
        if question.schema is not None:
            schema = {"name": "answer", "strict": True, "schema": dict(question.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return body

    def answer(self, body: dict[str, Any]) -> Answer:
        """Return a plain answer."""
        choice = dict_of(next(iter(list_of(body.get("choices"))), None))
        message = dict_of(choice.get("message"))
        calls = [dict_of(call) for call in list_of(message.get("tool_calls"))]
        return Answer(
            text=text_of(message.get("content")),
            ended=_ended(choice.get("finish_reason")),
            calls=tuple(_call(call.get("id"), dict_of(call.get("function"))) for call in calls),
            usage=usage_of(body.get("usage"), "prompt_tokens", "completion_tokens"),
            model=text_of(body.get("model")),
            id=text_of(body.get("id")),
            raw=body,
        )

    def joined(self, events: Sequence[Event]) -> Answer:
        """Return what the chunks of a stream make together, as every client joins them."""
        chunks = [event.data for event in events if isinstance(event.data, dict)]
        choices = [dict_of(c) for chunk in chunks for c in list_of(chunk.get("choices"))]
        text = "".join(text_of(dict_of(choice.get("delta")).get("content")) for choice in choices)
        parts: dict[int, dict[str, str]] = {}
        for choice in choices:
            for piece in map(dict_of, list_of(dict_of(choice.get("delta")).get("tool_calls"))):
                one = parts.setdefault(int(piece.get("index", 0)), {"id": "", "name": "", "arguments": ""})
                function = dict_of(piece.get("function"))
                one["id"] = one["id"] or text_of(piece.get("id"))
                one["name"] = one["name"] or text_of(function.get("name"))
                one["arguments"] += text_of(function.get("arguments"))
        usage = next((chunk["usage"] for chunk in reversed(chunks) if chunk.get("usage")), None)
        finish = next((c["finish_reason"] for c in choices if c.get("finish_reason")), None)
        first = chunks[0] if chunks else {}
        return Answer(
            text=text,
            ended=_ended(finish),
            calls=tuple(Call(p["id"], p["name"], p["arguments"]) for _, p in sorted(parts.items())),
            usage=usage_of(usage, "prompt_tokens", "completion_tokens"),
            model=text_of(first.get("model")),
            id=text_of(first.get("id")),
            raw=chunks[-1] if chunks else {},
        )


def _ended(finish: object) -> str:
    return ENDED.get(text_of(finish), text_of(finish))


def _call(name: object, function: dict[str, Any]) -> Call:
    return Call(text_of(name), text_of(function.get("name")), text_of(function.get("arguments")))


def _message(turn: Turn) -> dict[str, Any]:
    """Return a turn as a message."""
    match turn:
        case Said(role, text):
            return {"role": role, "content": text}
        case Shown(text, png):
            url = f"data:image/png;base64,{base64.b64encode(png).decode()}"
            parts = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]
            return {"role": "user", "content": parts}
        case Asked(calls):
            made = [
                {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}} for c in calls
            ]
            return {"role": "assistant", "content": None, "tool_calls": made}
        case Result(call_id, text):
            return {"role": "tool", "tool_call_id": call_id, "content": text}
