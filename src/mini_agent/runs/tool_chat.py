"""A model client whose calls of gateway tools are run until the model answers (GATEWAY 6.7), in any dialect."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import msgspec

from mini_agent.core.chat import ProviderRequest
from mini_agent.core.errors import InvalidProviderResponse
from mini_agent.dialects import CODECS, Dialect, Finish, Reply
from mini_agent.dialects.request import ToolCall
from mini_agent.runs.tool_runner import ToolRunner
from mini_agent.runs.tool_turn import Conversation, Screen
from mini_agent.tools.protocol import ClosableInvoker
from mini_agent.upstreams.protocol import Around, Batch, ModelClient


class ToolChat(Around):
    """Asks `inner`, in a dialect, with the tools of `tools` on offer.

    reply: gives what an answer is made with that more than one turn went into. max_iterations: most calls of the
    model. timeout_s: for one call of a tool.
    """

    def __init__(
        self,
        inner: ModelClient,
        tools: ClosableInvoker,
        dialect: Dialect,
        reply: Callable[[], Reply],
        *,
        max_iterations: int,
        timeout_s: float,
        log: logging.Logger,
    ) -> None:
        super().__init__(inner)
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
            talk, calls = Conversation(request, self._dialect, specs), list[ToolCall]()
            for left in reversed(range(self._max_iterations)):
                raw = await self._inner.complete(talk.request())
                try:
                    answer = codec.decode_answer(raw)
                except InvalidProviderResponse:
                    if talk.turns > 1:
                        raise
                    break  # The caller gets what nobody can read as it would without tools.
                talk.add_usage(answer.usage)
                calls = [part for part in answer.parts if isinstance(part, ToolCall)]
                if not calls or not left:
                    break
                await talk.answer(answer.parts, answer.finish, self._runner)
        talk.pass_headers_on()
        if talk.turns == 1 and not calls:
            return raw
        if calls:
            kept = tuple(part for part in answer.parts if not isinstance(part, ToolCall))
            answer = msgspec.structs.replace(answer, parts=kept, finish=Finish.LENGTH)
        answer = msgspec.structs.replace(answer, usage=talk.usage)
        return msgspec.json.encode(codec.encode_answer(answer, self._reply()))

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Ask until there is an answer. Returns: the events of all turns but tool calls. Raises: GatewayError."""
        async with aclosing(self._runner.tools) as tools:
            specs = await tools.list_tools()
            if not specs:
                async with aclosing(self._inner.stream(request)) as batches:
                    async for batch in batches:
                        yield batch
                return
            talk = Conversation(request, self._dialect, specs)
            screen = Screen(self._dialect, self._reply)
            for left in reversed(range(self._max_iterations)):
                screen.begin()
                async with aclosing(self._inner.stream(talk.request())) as batches:
                    async for batch in batches:
                        if shown := screen.show(batch):
                            talk.pass_headers_on()
                            yield shown
                if shown := screen.finish():
                    yield shown
                talk.add_usage(screen.turn.ended.usage)
                if not screen.turn.calls or not left:
                    break
                await talk.answer(screen.turn.parts(), screen.turn.ended.finish, self._runner)
        talk.pass_headers_on()
        if shown := screen.close(talk.usage):
            yield shown
