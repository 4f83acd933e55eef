"""A stream for a caller of OpenAI's Chat Completions: role, deltas, finish reason, usage where asked for, `[DONE]`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from mini_agent.dialects.answer import Annotated, Closed, Delta, Event, Finish, Finished, Opened, Reply, Started
from mini_agent.dialects.logprobs import for_chat
from mini_agent.dialects.openai_chat.answer import nested_note, write_usage
from mini_agent.dialects.openai_chat.stream_in import DONE
from mini_agent.dialects.openai_chat.thoughts import caller_blocks
from mini_agent.dialects.request import Reasoning, Refusal, Text, ToolCall

_FIELDS: Mapping[type, str] = {Text: "content", Refusal: "refusal", Reasoning: "reasoning_content"}


class _Part(msgspec.Struct):
    """An open part. head, tail: the bytes of a chunk around a text of it. texts: of a thought, so far."""

    part: Any
    head: bytes
    tail: bytes
    texts: list[str] | None = None


class StreamWriter:
    """Turns events into payloads: the data of server-sent events. One writer per stream."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._parts: dict[int, _Part] = {}
        self._calls = 0
        self._head: dict[str, Any] = {}
        self._open = b""

    def write(self, events: Iterable[Event]) -> list[bytes]:
        """Returns: the payloads of these events, `[DONE]` the last."""
        payloads: list[bytes] = []
        for event in events:
            match event:
                case Delta():
                    part = self._parts[event.index]
                    if part.texts is not None:
                        part.texts.append(event.text)
                    if event.logprobs:
                        payloads.append(self._with_logprobs(event))
                    else:
                        payloads.append(part.head + msgspec.json.encode(event.text) + part.tail)
                case Opened():
                    payloads += self._opened(event)
                case Closed():
                    payloads += self._closed(event)
                case Annotated():
                    payloads.append(self._chunk({"annotations": [nested_note(event.annotation, 0)]}))
                case Started():
                    payloads.append(self._start(event))
                case Finished():
                    payloads += self._finish(event)
        return payloads

    def _start(self, event: Started) -> bytes:
        self._head = {
            "id": self._reply.continues or f"chatcmpl-{self._reply.id}",
            "object": "chat.completion.chunk",
            "created": self._reply.created,
            "model": event.model,
        }
        self._open = msgspec.json.encode(self._head)[:-1] + b',"choices":[{"index":0,"delta":'
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def _chunk(self, delta: Mapping[str, Any], finish: str | None = None) -> bytes:
        return self._open + msgspec.json.encode(delta) + b',"logprobs":null,"finish_reason":' + _json(finish) + b"}]}"

    def _opened(self, event: Opened) -> list[bytes]:
        part = event.part
        tail = b',"logprobs":null,"finish_reason":null}]}'
        if isinstance(part, ToolCall):
            number, self._calls = self._calls, self._calls + 1
            kind, field = ("custom", "input") if part.custom else ("function", "arguments")
            head = self._open + b'{"tool_calls":[{"index":%d,"%s":{"%s":' % (number, kind.encode(), field.encode())
            self._parts[event.index] = _Part(part, head, b"}}]}" + tail)
            call = {"index": number, "id": part.id, "type": kind, kind: {"name": part.name, field: ""}}
            return [self._chunk({"tool_calls": [call]})]
        head = self._open + b'{"' + _FIELDS[type(part)].encode() + b'":'
        texts: list[str] | None = [] if isinstance(part, Reasoning) else None
        self._parts[event.index] = _Part(part, head, b"}" + tail, texts)
        return []

    def _closed(self, event: Closed) -> list[bytes]:
        part = self._parts.pop(event.index)
        if part.texts is None:
            return []
        blocks = caller_blocks(Reasoning("".join(part.texts), part.part.origin, event.native))
        return [self._chunk({"thinking_blocks": blocks})] if blocks else []

    def _with_logprobs(self, event: Delta) -> bytes:
        logprobs = {"content": [for_chat(entry) for entry in event.logprobs], "refusal": None}
        choice = {"index": 0, "delta": {"content": event.text}, "logprobs": logprobs}
        return msgspec.json.encode({**self._head, "choices": [{**choice, "finish_reason": None}]})

    def _finish(self, event: Finished) -> list[bytes]:
        payloads = [self._chunk({}, "stop" if event.finish is Finish.STOP_SEQUENCE else str(event.finish))]
        if self._reply.request.include_usage:
            payloads.append(msgspec.json.encode({**self._head, "choices": [], "usage": write_usage(event.usage)}))
        return [*payloads, DONE]


def _json(value: str | None) -> bytes:
    return msgspec.json.encode(value)
