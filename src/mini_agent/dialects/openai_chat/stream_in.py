"""A provider's stream of OpenAI's Chat Completions, read event by event.

The protocol has no parts with a beginning and an end: they are read off the change from one kind of delta to another.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mini_agent.core.errors import InvalidProviderResponse
from mini_agent.dialects.answer import Annotated, Closed, Delta, Event, Finish, Finished, Opened, Started, Usage
from mini_agent.dialects.errors import read_error
from mini_agent.dialects.names import Dialect
from mini_agent.dialects.openai_chat.answer import RawCall, RawLogprobs, RawWords, finish_of, flat_note
from mini_agent.dialects.openai_chat.thoughts import TEXTS, ThoughtPieces
from mini_agent.dialects.openai_usage import read_usage
from mini_agent.dialects.request import Reasoning, Refusal, Text, ToolCall

#: The data of the event that ends every stream.
DONE = b"[DONE]"


class _Piece(RawCall):
    index: int | None = None


class _Delta(RawWords):
    tool_calls: list[_Piece] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None
    stop_reason: Any = None
    logprobs: RawLogprobs | None = None
    index: int = 0


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    id: str | None = None
    model: str | None = None
    usage: Any = None
    error: Any = None


_CHUNK = msgspec.json.Decoder(_Chunk)


class _Call(msgspec.Struct):
    """A call that is being read. index: its part, None until its name is known. texts: its arguments so far."""

    id: str
    custom: bool
    index: int | None = None
    name: str = ""
    texts: list[str] = msgspec.field(default_factory=list)
    closed: bool = False

    def complete(self) -> bool:
        """Returns: whether nothing can follow: its arguments are a whole object."""
        text = "".join(self.texts)
        try:
            return isinstance(msgspec.json.decode(text), dict) if text.rstrip().endswith("}") else False
        except (msgspec.DecodeError, RecursionError):
            return False


class StreamReader:
    """Turns payloads into events. One reader per stream; of several choices it reads the first."""

    def __init__(self) -> None:
        self._started = False
        self._done = False
        self._next = 0
        self._open: type[Text] | type[Refusal] | type[Reasoning] | None = None
        self._index = 0
        self._thought = ThoughtPieces()
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._reason: str | None = None
        self._sequence: str | None = None
        self._usage = Usage()

    def feed(self, payload: bytes) -> list[Event]:
        """Take the data of one server-sent event; as `Reader` says."""
        if self._done:
            return []
        if payload == DONE:
            return self._finish()
        try:
            chunk = _CHUNK.decode(payload)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidProviderResponse("the provider sent an event that is not a chunk of a completion") from error
        if chunk.error:
            self._done = True
            return [read_error(chunk.error)]
        events: list[Event] = []
        if not self._started:
            self._started = True
            events.append(Started(chunk.id or "", chunk.model or ""))
        if chunk.usage is not None:
            self._usage = read_usage(chunk.usage)
        for choice in chunk.choices:
            if choice.index == 0:
                self._choice(choice, events)
        return events

    def close(self) -> list[Event]:
        """The stream has ended; as `Reader` says."""
        if self._done:
            return []
        if self._reason is None:
            raise InvalidProviderResponse("the provider's stream ended before its answer was complete")
        return self._finish()

    def _finish(self) -> list[Event]:
        if self._done:
            return []
        if not self._started:
            raise InvalidProviderResponse("the provider's stream has no events")
        self._done = True
        events: list[Event] = []
        self._close_all(events)
        finish = finish_of(self._reason, calls=bool(self._calls))
        if finish is Finish.STOP and self._sequence is not None:
            finish = Finish.STOP_SEQUENCE
        events.append(Finished(finish, self._usage, self._sequence))
        return events

    def _choice(self, choice: _Choice, events: list[Event]) -> None:
        delta = choice.delta
        if delta is not None:
            if delta.reasoning_content or delta.reasoning or delta.thinking_blocks:
                self._think(delta, events)
            if delta.content:
                logprobs = tuple(choice.logprobs.content or ()) if choice.logprobs is not None else ()
                self._say(Text, delta.content, events, logprobs)
            if delta.annotations and self._open is Text:
                events += [Annotated(self._index, flat_note(note)) for note in delta.annotations]
            if delta.refusal:
                self._say(Refusal, delta.refusal, events)
            for piece in delta.tool_calls or ():
                self._piece(piece, events)
        if choice.finish_reason:
            self._reason = choice.finish_reason
            self._sequence = choice.stop_reason if isinstance(choice.stop_reason, str) else None
            self._close_all(events)

    def _say(
        self, kind: type[Text] | type[Refusal], text: Any, events: list[Event], logprobs: tuple[Any, ...] = ()
    ) -> None:
        if not isinstance(text, str):
            return
        if self._open is not kind:
            self._begin(kind, kind(""), events)
        events.append(Delta(self._index, text, logprobs))

    def _think(self, delta: _Delta, events: list[Event]) -> None:
        if self._open is not Reasoning:
            self._begin(Reasoning, Reasoning("", Dialect.CHAT), events)
            self._thought = ThoughtPieces()
        texts = {name: getattr(delta, name) for name in TEXTS}
        if shown := self._thought.add(texts, delta.thinking_blocks):
            events.append(Delta(self._index, shown))

    def _begin(self, kind: Any, part: Text | Refusal | Reasoning, events: list[Event]) -> None:
        self._end_open(events)
        self._end_complete_calls(events)
        self._open, self._index = kind, self._take_index()
        events.append(Opened(self._index, part))

    def _end_open(self, events: list[Event]) -> None:
        if self._open is not None:
            events.append(Closed(self._index, self._thought.native() if self._open is Reasoning else None))
            self._open = None

    def _end_complete_calls(self, events: list[Event]) -> None:
        """Close the calls that are whole. Others stay open: their provider writes several at once."""
        for call in self._calls:
            if call.index is not None and not call.closed and call.complete():
                call.closed = True
                events.append(Closed(call.index))

    def _close_all(self, events: list[Event]) -> None:
        self._end_open(events)
        for call in self._calls:
            if call.index is None:
                # Its name never came: what there is of it is passed on all the same.
                self._open_call(call, events)
            if not call.closed and call.index is not None:
                call.closed = True
                events.append(Closed(call.index))

    def _piece(self, piece: _Piece, events: list[Event]) -> None:
        call, text = self._call_of(piece), piece.text()
        call.name = call.name or piece.name()
        if text and not call.closed:
            call.texts.append(text)
        if call.index is None and call.name:
            self._open_call(call, events)
        elif text and call.index is not None and not call.closed:
            events.append(Delta(call.index, text))

    def _open_call(self, call: _Call, events: list[Event]) -> None:
        self._end_open(events)
        self._end_complete_calls(events)
        call.index = self._take_index()
        events.append(Opened(call.index, ToolCall(call.id, call.name, "", call.custom)))
        if call.texts:
            events.append(Delta(call.index, "".join(call.texts)))

    def _call_of(self, piece: _Piece) -> _Call:
        """Find the call of a piece: by index; without one by id, else the newest. Another id begins another call."""
        calls = self._calls
        if piece.index is not None:
            found = self._by_index.get(piece.index)
        elif piece.id:
            found = next((call for call in calls if call.id == piece.id), None)
        else:
            found = calls[-1] if calls else None
        if found is not None and piece.id and found.id != piece.id:
            found = None
        if found is None:
            found = _Call(piece.id or f"call_{len(calls)}", piece.custom is not None)
            calls.append(found)
            if piece.index is not None:
                self._by_index[piece.index] = found
        return found

    def _take_index(self) -> int:
        self._next += 1
        return self._next - 1
