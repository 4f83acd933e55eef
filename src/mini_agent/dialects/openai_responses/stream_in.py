"""A provider's stream of OpenAI's Responses, read event by event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mini_agent.core.errors import InvalidProviderResponse
from mini_agent.dialects.answer import (
    Annotated,
    AnswerPart,
    Closed,
    Delta,
    Event,
    Failed,
    Finished,
    Opened,
    Started,
    whole_part,
)
from mini_agent.dialects.errors import read_error
from mini_agent.dialects.names import Dialect
from mini_agent.dialects.openai_responses.answer import RawResponse, finish_of, item_parts, message_parts
from mini_agent.dialects.openai_responses.thoughts import BREAK, text_of_item
from mini_agent.dialects.openai_usage import read_usage
from mini_agent.dialects.request import Reasoning, Refusal, Text, ToolCall

_ME = Dialect.RESPONSES


class _Event(msgspec.Struct):
    type: str
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    delta: Any = None
    text: Any = None
    arguments: Any = None
    input: Any = None
    refusal: Any = None
    logprobs: list[dict[str, Any]] | None = None
    item: dict[str, Any] | None = None
    part: dict[str, Any] | None = None
    annotation: dict[str, Any] | None = None
    response: RawResponse | None = None
    error: Any = None
    code: Any = None
    message: str | None = None
    param: str | None = None


_EVENT = msgspec.json.Decoder(_Event)
#: A part is known by its item and, in a message, by its place there.
_Key = tuple[int, int]
_ITEM = -1


class _Part(msgspec.Struct):
    """An open part. index: ours. call: whether it is one. said: whether any of its text has come."""

    index: int
    call: bool
    said: bool = False


class StreamReader:
    """Turns payloads into events. One reader per stream."""

    def __init__(self) -> None:
        self._parts: dict[_Key, _Part] = {}
        self._items: set[int] = set()
        self._streamed: set[int] = set()
        self._next = 0
        self._started = False
        self._called = False
        self._ended = False
        self._handlers: Mapping[str, Callable[[_Event], list[Event]]] = {
            "response.output_text.delta": lambda event: self._say(event, Text),
            "response.function_call_arguments.delta": lambda event: self._delta(event, _ITEM),
            "response.created": self._created,
            "response.output_item.added": self._added,
            "response.content_part.added": self._part_added,
            "response.output_text.done": lambda event: self._whole(event, event.content_index, event.text),
            "response.output_text.annotation.added": self._annotated,
            "response.refusal.delta": lambda event: self._say(event, Refusal),
            "response.refusal.done": lambda event: self._whole(event, event.content_index, event.refusal),
            "response.content_part.done": lambda event: self._close((event.output_index, event.content_index)),
            "response.function_call_arguments.done": lambda event: self._whole(event, _ITEM, event.arguments),
            "response.custom_tool_call_input.delta": lambda event: self._delta(event, _ITEM),
            "response.custom_tool_call_input.done": lambda event: self._whole(event, _ITEM, event.input),
            "response.reasoning_summary_part.added": self._summary_part,
            "response.reasoning_summary_text.delta": lambda event: self._delta(event, _ITEM),
            "response.reasoning_text.delta": lambda event: self._delta(event, _ITEM),
            "response.output_item.done": self._done,
            "response.completed": self._completed,
            "response.incomplete": self._completed,
            "response.failed": self._failed,
            "error": self._failed,
        }

    def feed(self, payload: bytes) -> list[Event]:
        """Take the data of one server-sent event; as `Reader` says."""
        if payload == b"[DONE]":
            # The protocol has none, some servers send one.
            return []
        try:
            event = _EVENT.decode(payload)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidProviderResponse("the provider sent an event that is not of OpenAI's Responses") from error
        handler = self._handlers.get(event.type)
        events = handler(event) if handler is not None and not self._ended else []
        if self._started or not events or isinstance(events[0], Failed):
            return events
        self._started = True
        if isinstance(events[0], Started):
            return events
        response = event.response or RawResponse()
        return [Started(response.id, response.model), *events]

    def close(self) -> list[Event]:
        """The stream has ended; as `Reader` says."""
        if not self._ended:
            raise InvalidProviderResponse("the provider's stream ended before its answer was complete")
        return []

    def _created(self, event: _Event) -> list[Event]:
        if self._started:
            return []
        response = event.response or RawResponse()
        return [Started(response.id, response.model)]

    def _added(self, event: _Event) -> list[Event]:
        item = event.item or {}
        self._items.add(event.output_index)
        match item.get("type"):
            case "function_call" | "custom_tool_call" as kind:
                self._called = True
                custom = kind == "custom_tool_call"
                call_id, name = str(item.get("call_id") or ""), str(item.get("name") or "")
                return self._open((event.output_index, _ITEM), ToolCall(call_id, name, "", custom))
            case "reasoning":
                return self._open((event.output_index, _ITEM), Reasoning("", _ME, item))
        return []

    def _open(self, key: _Key, part: AnswerPart) -> list[Event]:
        if key in self._parts:
            return []
        # Only calls may arrive whole. What else a server left open ends where the next part begins.
        ended = [
            closed
            for other, open_part in list(self._parts.items())
            if not open_part.call
            for closed in self._close(other)
        ]
        self._parts[key] = _Part(self._next, isinstance(part, ToolCall))
        self._next += 1
        return [*ended, Opened(self._parts[key].index, part)]

    def _part_added(self, event: _Event) -> list[Event]:
        kind = (event.part or {}).get("type")
        if kind not in ("output_text", "refusal"):
            return []
        self._streamed.add(event.output_index)
        part = Text("") if kind == "output_text" else Refusal("")
        return self._open((event.output_index, event.content_index), part)

    def _say(self, event: _Event, kind: type[Text] | type[Refusal]) -> list[Event]:
        key = (event.output_index, event.content_index)
        opened: list[Event] = []
        if key not in self._parts:
            # Some servers leave out the event that begins a part.
            self._streamed.add(event.output_index)
            opened = self._open(key, kind(""))
        return [*opened, *self._delta(event, event.content_index)]

    def _delta(self, event: _Event, place: int) -> list[Event]:
        part = self._parts.get((event.output_index, place))
        if part is None or not isinstance(event.delta, str) or not event.delta:
            return []
        part.said = True
        return [Delta(part.index, event.delta, tuple(event.logprobs) if event.logprobs else ())]

    def _whole(self, event: _Event, place: int, text: object) -> list[Event]:
        """Take the whole text at its end, from a server that sent no deltas."""
        part = self._parts.get((event.output_index, place))
        if part is None or part.said or not isinstance(text, str) or not text:
            return []
        part.said = True
        return [Delta(part.index, text)]

    def _summary_part(self, event: _Event) -> list[Event]:
        part = self._parts.get((event.output_index, _ITEM))
        return [Delta(part.index, BREAK)] if part is not None and part.said else []

    def _annotated(self, event: _Event) -> list[Event]:
        part = self._parts.get((event.output_index, event.content_index))
        return [Annotated(part.index, event.annotation)] if part is not None and event.annotation else []

    def _close(self, key: _Key, native: Mapping[str, Any] | None = None) -> list[Event]:
        part = self._parts.pop(key, None)
        return [] if part is None else [Closed(part.index, native)]

    def _done(self, event: _Event) -> list[Event]:
        item = event.item or {}
        # A server may tell of an item only when it is complete.
        events = [] if event.output_index in self._items else self._added(event)
        key = (event.output_index, _ITEM)
        match item.get("type"):
            case "function_call":
                return [*events, *self._whole(event, _ITEM, item.get("arguments")), *self._close(key)]
            case "custom_tool_call":
                return [*events, *self._whole(event, _ITEM, item.get("input")), *self._close(key)]
            case "reasoning":
                return [*events, *self._whole(event, _ITEM, text_of_item(item)), *self._close(key, item)]
            case "message" if event.output_index in self._streamed:
                left = [key for key in self._parts if key[0] == event.output_index]
                return [closed for key in left for closed in self._close(key)]
            case "message":
                for place, part in enumerate(message_parts(item)):
                    key = (event.output_index, place)
                    events += self._open(key, type(part)(""))
                    events += self._whole(event, place, part.text) + self._close(key)
        return events

    def _completed(self, event: _Event) -> list[Event]:
        self._ended = True
        response = event.response or RawResponse()
        events = [closed for key in list(self._parts) for closed in self._close(key)]
        if not self._next:
            # A server may tell of everything at once.
            for index, part in enumerate(part for item in response.output for part in item_parts(item)):
                events += whole_part(index, part)
                self._called = self._called or isinstance(part, ToolCall)
        return [*events, Finished(finish_of(response, calls=self._called), read_usage(response.usage))]

    def _failed(self, event: _Event) -> list[Event]:
        self._ended = True
        if event.response is not None:
            return [read_error(event.response.error)]
        return [read_error(event.error or {"code": event.code, "message": event.message, "param": event.param})]
