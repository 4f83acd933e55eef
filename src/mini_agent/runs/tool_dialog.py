"""The same as `tool_chat` for callers of the other dialects: on what their providers' words mean, not on the words."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import msgspec

from mini_agent.agent.fragments import CollectedCall
from mini_agent.core.chat import ProviderRequest
from mini_agent.dialects import CODECS, Dialect, Event, Failed, Finish, Message, Reply, Usage, error_of
from mini_agent.dialects.answer import Annotated, AnswerPart, Closed, Delta, Finished, Opened, Started
from mini_agent.dialects.editing import add_turns, set_tools
from mini_agent.dialects.request import Reasoning, Refusal, Text, ToolCall, ToolResult
from mini_agent.runs.tool_runner import ToolRunner
from mini_agent.tools.protocol import ClosableInvoker
from mini_agent.upstreams.protocol import Batch, ModelClient

__all__ = ["ToolDialog"]


class ToolDialog:
    """Asks `inner`, in a dialect, with the tools of `tools` on offer.

    reply: what an answer is made with that more than one turn went into. max_iterations: most calls of the model.
    timeout_s: for one call of a tool.
    """

    def __init__(
        self,
        inner: ModelClient,
        tools: ClosableInvoker,
        dialect: Dialect,
        reply: Reply,
        *,
        max_iterations: int,
        timeout_s: float,
        log: logging.Logger,
    ) -> None:
        self.name = inner.name
        self.capabilities = inner.capabilities
        self._inner = inner
        self._dialect = dialect
        self._reply = reply
        self._max_iterations = max_iterations
        self._runner = ToolRunner(tools, timeout_s=timeout_s, log=log)

    async def complete(self, request: ProviderRequest) -> bytes:
        """Ask until there is an answer. Returns: the last one, with the usage of all. Raises: GatewayError."""
        codec = CODECS[self._dialect]
        async with aclosing(self._runner.tools) as tools:
            specs = await tools.list_tools()
            if not specs:
                return await self._inner.complete(request)
            turns = _Turns(request, set_tools(request.body, self._dialect, specs))
            for number in range(self._max_iterations):
                raw = await self._inner.complete(turns.request())
                answer = codec.decode_answer(raw)
                turns.usage = _sum(turns.usage, answer.usage)
                calls = [part for part in answer.parts if isinstance(part, ToolCall)]
                if not calls:
                    break
                if number + 1 < self._max_iterations:
                    turns.body = await self._answered(turns.body, answer.parts, answer.finish is not Finish.LENGTH)
        turns.pass_headers_on()
        if number == 0 and not calls:
            return raw
        if calls:
            kept = tuple(part for part in answer.parts if not isinstance(part, ToolCall))
            answer = msgspec.structs.replace(answer, parts=kept, finish=Finish.LENGTH)
        answer = msgspec.structs.replace(answer, usage=turns.usage)
        return msgspec.json.encode(codec.encode_answer(answer, self._reply))

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Ask until there is an answer. Returns: the events of all turns but tool calls. Raises: GatewayError."""
        codec = CODECS[self._dialect]
        writer = codec.StreamWriter(self._reply)
        async with aclosing(self._runner.tools) as tools:
            specs = await tools.list_tools()
            body = set_tools(request.body, self._dialect, specs) if specs else dict(request.body)
            turns, shown = _Turns(request, body), 0
            for number in range(self._max_iterations if specs else 1):
                turn, reader = _Turn(shown, first=number == 0), codec.StreamReader()
                async with aclosing(self._inner.stream(turns.request())) as batches:
                    async for batch in batches:
                        events = [event for payload in batch for event in reader.feed(payload)]
                        if payloads := writer.write(turn.visible(events)):
                            turns.pass_headers_on()
                            yield payloads
                if payloads := writer.write(turn.visible(reader.close())):
                    yield payloads
                shown, turns.usage = turn.shown, _sum(turns.usage, turn.ended.usage)
                if not turn.calls:
                    break
                if number + 1 < self._max_iterations:
                    finished = turn.ended.finish is not Finish.LENGTH
                    turns.body = await self._answered(turns.body, turn.parts(), finished)
        finish = Finish.LENGTH if turn.calls else turn.ended.finish
        yield writer.write([Finished(finish, turns.usage, turn.ended.stop_sequence)])

    async def aclose(self) -> None:
        """Nothing to free: the inner client belongs to the app."""

    async def _answered(self, body: dict[str, Any], parts: Iterable[AnswerPart], finished: bool) -> dict[str, Any]:
        """Run the calls of one turn. Returns: the body with them and their results."""
        said = tuple(parts)
        calls = [part for part in said if isinstance(part, ToolCall)]
        collected = [CollectedCall(call.id, call.name, call.arguments) for call in calls]
        texts = await self._runner.run_all(collected, finished=finished)
        results = tuple(ToolResult(call.id, (Text(text),)) for call, text in zip(calls, texts, strict=True))
        return add_turns(body, self._dialect, [Message("assistant", said), Message("tool", results)])


class _Turns:
    """The conversation so far. body: of the next turn. usage: of all turns together."""

    def __init__(self, request: ProviderRequest, body: dict[str, Any]) -> None:
        self._request = request
        self._headers: list[tuple[bytes, bytes]] = []
        self._passed_on = False
        self.body = body
        self.usage = Usage()

    def request(self) -> ProviderRequest:
        """Returns: the request of the next turn."""
        self._headers = []
        return replace(self._request, body=self.body, on_response_headers=self._headers.extend)

    def pass_headers_on(self) -> None:
        """Pass on the headers of the newest answer, once: before anything is sent."""
        if not self._passed_on and self._request.on_response_headers is not None:
            self._request.on_response_headers(self._headers)
        self._passed_on = True


class _Turn:
    """One streamed turn. shown: parts that the client has seen. first: whether the stream begins with it."""

    def __init__(self, shown: int, *, first: bool) -> None:
        self.shown = shown
        self._first = first
        self._places: dict[int, int] = {}
        self._parts: dict[int, tuple[AnswerPart, list[str]]] = {}
        self._natives: dict[int, Mapping[str, Any] | None] = {}
        self.calls = False
        self.ended = Finished(Finish.STOP, Usage())

    def visible(self, events: Iterable[Event]) -> list[Event]:
        """Take what arrived. Returns: what the client sees of it, in its own numbers. Raises: GatewayError."""
        return [seen for event in events if (seen := self._seen(event)) is not None]

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

    def _seen(self, event: Event) -> Event | None:
        match event:
            case Started():
                return event if self._first else None
            case Finished():
                self.ended = event
                return None
            case Failed():
                raise error_of(event)
            case Opened():
                self._parts[event.index] = event.part, []
                if isinstance(event.part, ToolCall):
                    self.calls = True
                    return None
                self._places[event.index] = self.shown
                self.shown += 1
            case Delta():
                self._parts[event.index][1].append(event.text)
            case Closed():
                self._natives[event.index] = event.native
            case Annotated():
                pass
        place = self._places.get(event.index)
        return None if place is None else msgspec.structs.replace(event, index=place)


def _sum(one: Usage, other: Usage) -> Usage:
    counts = {name: getattr(one, name) + getattr(other, name) for name in Usage.__struct_fields__}
    return Usage(**counts)
