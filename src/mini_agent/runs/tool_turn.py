"""The conversation between a model and the gateway's tools, and what the client sees of its turns in a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from mini_agent.agent.answers import unique_id
from mini_agent.agent.tool_values import parse_arguments
from mini_agent.core.chat import ProviderRequest
from mini_agent.dialects import CODECS, Dialect, Event, Failed, Finish, Message, Reply, Usage, error_of
from mini_agent.dialects.answer import Annotated, AnswerPart, Closed, Delta, Finished, Opened, Started
from mini_agent.dialects.editing import add_turns, set_tools
from mini_agent.dialects.request import Reasoning, Refusal, Text, ToolCall, ToolResult
from mini_agent.dialects.translation import Reader, Writer
from mini_agent.runs.tool_runner import ToolRunner


class Conversation:
    """What was said so far. turns: how often the model was asked. usage: of all turns together."""

    def __init__(self, request: ProviderRequest, dialect: Dialect, specs: Sequence[dict[str, Any]]) -> None:
        self._request = request
        self._dialect = dialect
        self._body = set_tools(request.body, dialect, specs)
        self._ids: set[str] = set()
        self._headers: list[tuple[bytes, bytes]] = []
        self._passed_on = False
        self.turns = 0
        self.usage = Usage()

    def request(self) -> ProviderRequest:
        """Returns: the request of the next turn."""
        self.turns += 1
        self._headers = []
        return replace(self._request, body=self._body, on_response_headers=self._headers.extend)

    def pass_headers_on(self) -> None:
        """Pass on the headers of the newest answer, once: before anything is sent."""
        if not self._passed_on and self._request.on_response_headers is not None:
            self._request.on_response_headers(self._headers)
        self._passed_on = True

    def add_usage(self, usage: Usage) -> None:
        """Count what one turn has used."""
        names = Usage.__struct_fields__
        self.usage = Usage(**{name: getattr(self.usage, name) + getattr(usage, name) for name in names})

    async def answer(self, parts: Iterable[AnswerPart], finish: Finish, runner: ToolRunner) -> None:
        """Run the calls in what the model said, and put both behind the conversation. finish: how it ended."""
        said = [self._named(part) if isinstance(part, ToolCall) else part for part in parts]
        calls = [part for part in said if isinstance(part, ToolCall)]
        texts = await runner.run_all(calls, finished=finish is not Finish.LENGTH)
        results = tuple(ToolResult(call.id, (Text(text),)) for call, text in zip(calls, texts, strict=True))
        recorded = tuple(_readable(part) if isinstance(part, ToolCall) else part for part in said)
        turns = [Message("assistant", recorded), Message("tool", results)]
        self._body = add_turns(self._body, self._dialect, turns)

    def _named(self, call: ToolCall) -> ToolCall:
        # A result is found by the id of its call, and a server without ids begins anew in each turn.
        return msgspec.structs.replace(call, id=unique_id(call.id, self._ids))


class Screen:
    """What the client sees of the turns of a stream: all but their calls, in numbers of its own.

    Chunks of chat stand for themselves: until a tool is called they pass as they came.
    """

    def __init__(self, dialect: Dialect, reply: Callable[[], Reply]) -> None:
        self._codec = CODECS[dialect]
        self._reply = reply
        self._passes = dialect is Dialect.CHAT
        self._passed: list[Event] = []
        self._held: list[bytes] = []
        self._waiting: list[Event] = []
        self._writer: Writer | None = None
        self._started = False
        self._shown = 0
        self._places: dict[int, int] = {}
        self.turn: Turn

    def begin(self) -> None:
        """Begin the next turn."""
        self._places = {}
        self.turn = Turn(self._codec.StreamReader())

    def show(self, batch: Sequence[bytes]) -> list[bytes]:
        """Take what arrived. Returns: what the client sees of it. Raises: GatewayError."""
        return [shown for payload in batch for shown in self._show(payload)]

    def finish(self) -> list[bytes]:
        """The turn's stream has ended. Returns: what is still to be seen of it. Raises: GatewayError."""
        seen = self._seen(self.turn.close())
        return self._release() if self._passes else self._write(seen)

    def close(self, usage: Usage) -> list[bytes]:
        """Returns: the end of the whole. usage: of all turns."""
        if self._passes:
            return []
        ended = self.turn.ended
        return self._write([Finished(Finish.LENGTH if self.turn.calls else ended.finish, usage, ended.stop_sequence)])

    def _show(self, payload: bytes) -> list[bytes]:
        seen = self._seen(self.turn.feed(payload))
        if self._passes and not self.turn.calls:
            self._passed += seen
            self._held.append(payload)
            return self._release() if _tells(self._passed) else []
        if self._held:  # Nobody has seen them.
            self._waiting, self._passed = self._passed, []
        self._passes, self._held = False, []
        return self._write(seen)

    def _release(self) -> list[bytes]:
        held, self._held = self._held, []
        return held

    def _write(self, seen: Iterable[Event]) -> list[bytes]:
        self._waiting += seen
        if not _tells(self._waiting):
            return []
        if self._writer is None:
            begun = next((event.id for event in self._passed if isinstance(event, Started)), "")
            self._writer = self._codec.StreamWriter(msgspec.structs.replace(self._reply(), continues=begun))
            self._writer.write(self._passed)
        waiting, self._waiting = self._waiting, []
        return self._writer.write(waiting)

    def _seen(self, events: Iterable[Event]) -> list[Event]:
        return [seen for event in events if (seen := self._placed(event)) is not None]

    def _placed(self, event: Event) -> Event | None:
        match event:
            case Started():
                first, self._started = not self._started, True
                return event if first else None
            case Finished() | Failed():
                return None
            case Opened() if not isinstance(event.part, ToolCall):
                self._places[event.index] = self._shown
                self._shown += 1
        place = self._places.get(event.index)
        return None if place is None else msgspec.structs.replace(event, index=place)


class Turn:
    """What a model says in one streamed turn. calls: whether it calls a tool. ended: how it ended."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._parts: dict[int, tuple[AnswerPart, list[str]]] = {}
        self._natives: dict[int, Mapping[str, Any] | None] = {}
        self.calls = False
        self.ended = Finished(Finish.STOP, Usage())

    def feed(self, payload: bytes) -> list[Event]:
        """Take the data of one server-sent event. Returns: what it means. Raises: GatewayError."""
        return self._heard(self._reader.feed(payload))

    def close(self) -> list[Event]:
        """The stream has ended. Returns: the events still missing. Raises: GatewayError."""
        return self._heard(self._reader.close())

    def parts(self) -> Iterable[AnswerPart]:
        """Yield what the model said, whole."""
        for index in sorted(self._parts):
            part, texts = self._parts[index]
            text = "".join(texts)
            match part:
                case ToolCall():
                    yield ToolCall(part.id, part.name, text)
                case Reasoning():
                    yield Reasoning(text, part.origin, self._natives.get(index) or part.native)
                case Text() | Refusal():
                    yield type(part)(text)

    def _heard(self, events: list[Event]) -> list[Event]:
        for event in events:
            match event:
                case Finished():
                    self.ended = event
                case Failed():
                    raise error_of(event)
                case Opened():
                    self._parts[event.index] = event.part, []
                    self.calls = self.calls or isinstance(event.part, ToolCall)
                case Delta():
                    self._parts[event.index][1].append(event.text)
                case Closed():
                    self._natives[event.index] = event.native
                case Started() | Annotated():
                    pass
        return events


def _tells(events: Iterable[Event]) -> bool:
    """Returns: whether a client learns anything of these. Until it does, the next turn may fail with a status."""
    return any(not isinstance(event, Started) for event in events)


def _readable(call: ToolCall) -> ToolCall:
    # Broken arguments would make some providers refuse the whole conversation; the result says what was wrong.
    fine = parse_arguments(call.arguments) is not None
    return call if fine else msgspec.structs.replace(call, arguments="{}")
