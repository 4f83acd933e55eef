"""A provider's stream of Anthropic's Messages, read event by event."""

from __future__ import annotations

from typing import Any

import msgspec

from mini_agent.core.errors import InvalidProviderResponse
from mini_agent.dialects.answer import Closed, Delta, Event, Failed, Finished, Opened, Started
from mini_agent.dialects.anthropic_messages.answer import RawUsage, finish_of, read_usage
from mini_agent.dialects.errors import read_error
from mini_agent.dialects.names import Dialect
from mini_agent.dialects.request import Reasoning, Text, ToolCall

_ME = Dialect.MESSAGES


class _Delta(msgspec.Struct):
    type: str = ""
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None


class _Block(msgspec.Struct):
    type: str
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None


class _Message(msgspec.Struct):
    id: str = ""
    model: str = ""
    usage: RawUsage | None = None


class _Event(msgspec.Struct):
    type: str
    index: int = 0
    delta: _Delta | None = None
    content_block: _Block | None = None
    message: _Message | None = None
    usage: RawUsage | None = None
    error: Any = None


_EVENT = msgspec.json.Decoder(_Event)


class _Open(msgspec.Struct):
    """A block that is being read. index: ours. texts: what it thinks so far."""

    index: int
    kind: str
    texts: list[str]
    signature: str = ""
    native: dict[str, Any] | None = None


class StreamReader:
    """Turns payloads into events. One reader per stream."""

    def __init__(self) -> None:
        self._blocks: dict[int, _Open] = {}
        self._next = 0
        self._started = False
        self._usage = RawUsage()
        self._reason: str | None = None
        self._sequence: str | None = None
        self._ended = False

    def feed(self, payload: bytes) -> list[Event]:
        """Take the data of one server-sent event; as `Reader` says."""
        try:
            event = _EVENT.decode(payload)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidProviderResponse("the provider sent an event that is not of Anthropic's protocol") from error
        if self._ended:
            return []
        events = self._events(event)
        if self._started or not events or isinstance(events[0], Failed):
            return events
        self._started = True
        return events if isinstance(events[0], Started) else [Started("", ""), *events]

    def _events(self, event: _Event) -> list[Event]:
        match event.type:
            case "content_block_delta":
                return self._delta(event)
            case "content_block_start":
                return self._start(event)
            case "content_block_stop":
                return self._stop(event.index)
            case "message_start" if not self._started:
                message = event.message or _Message()
                self._count(message.usage)
                return [Started(message.id, message.model, read_usage(self._usage))]
            case "message_delta":
                self._count(event.usage)
                if event.delta is not None:
                    self._reason = event.delta.stop_reason or self._reason
                    self._sequence = event.delta.stop_sequence or self._sequence
            case "message_stop":
                return self._finish()
            case "error":
                self._ended = True
                return [read_error(event.error)]
        # `ping`, and what the protocol may add: its versioning rule asks clients to pass over new events.
        return []

    def close(self) -> list[Event]:
        """The stream has ended; as `Reader` says."""
        if self._ended:
            return []
        if self._reason is None or not self._started:
            raise InvalidProviderResponse("the provider's stream ended before its answer was complete")
        return self._finish()

    def _finish(self) -> list[Event]:
        self._ended = True
        closed = [event for index in list(self._blocks) for event in self._stop(index)]
        return [*closed, Finished(finish_of(self._reason), read_usage(self._usage), self._sequence)]

    def _count(self, usage: RawUsage | None) -> None:
        """Keep the newest counts: those of a delta are cumulative, and may be fewer than those of the start."""
        if usage is None:
            return
        for name in RawUsage.__struct_fields__:
            if (value := getattr(usage, name)) is not None:
                setattr(self._usage, name, value)

    def _start(self, event: _Event) -> list[Event]:
        block = event.content_block
        if block is None or event.index in self._blocks:
            return []
        opened = _Open(self._next, block.type, [])
        events: list[Event]
        match block.type:
            case "text":
                events = [Opened(opened.index, Text(""))]
                first = block.text
            case "thinking":
                events = [Opened(opened.index, Reasoning("", _ME))]
                first, opened.signature = block.thinking, block.signature or ""
                if first:
                    opened.texts.append(first)
            case "redacted_thinking":
                opened.native = {"type": "redacted_thinking", "data": block.data or ""}
                events, first = [Opened(opened.index, Reasoning("", _ME, opened.native))], ""
            case "tool_use":
                events = [Opened(opened.index, ToolCall(block.id or "", block.name or "", ""))]
                first = msgspec.json.encode(block.input).decode() if block.input else ""
            case _:
                return []
        # Blocks follow each other; one whose end was lost ends where the next begins.
        ended = [closed for index in list(self._blocks) for closed in self._stop(index)]
        self._blocks[event.index] = opened
        self._next += 1
        return [*ended, *events, Delta(opened.index, first)] if first else [*ended, *events]

    def _delta(self, event: _Event) -> list[Event]:
        block, delta = self._blocks.get(event.index), event.delta
        if block is None or delta is None:
            return []
        if delta.text is not None:
            text = delta.text
        elif delta.partial_json is not None:
            text = delta.partial_json
        elif delta.thinking is not None:
            text = delta.thinking
            block.texts.append(text)
        else:
            block.signature += delta.signature or ""
            return []
        return [Delta(block.index, text)] if text else []

    def _stop(self, index: int) -> list[Event]:
        block = self._blocks.pop(index, None)
        if block is None:
            return []
        if block.kind == "thinking":
            block.native = {"type": "thinking", "thinking": "".join(block.texts), "signature": block.signature}
        return [Closed(block.index, block.native)]
