"""A model client whose calls of gateway tools are run until the model answers (GATEWAY.md 6.7)."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from mini_agent.agent.fragments import ToolFragments
from mini_agent.core.chat import DONE, ProviderRequest
from mini_agent.dialects.openai_chat.thoughts import MEMBERS
from mini_agent.runs.tool_runner import ToolRunner
from mini_agent.runs.tool_turn import Talk, Turn, first_choice, message_of
from mini_agent.tools.protocol import ClosableInvoker
from mini_agent.upstreams.protocol import Batch, ModelClient, decode_answer

__all__ = ["ToolChat"]


class ToolChat:
    """Asks `inner` with the tools of `tools` on offer.

    max_iterations: most calls of the model. timeout_s: for one call of a tool.
    """

    def __init__(
        self,
        inner: ModelClient,
        tools: ClosableInvoker,
        *,
        max_iterations: int,
        timeout_s: float,
        log: logging.Logger,
    ) -> None:
        self.name = inner.name
        self._inner = inner
        self._max_iterations = max_iterations
        self._runner = ToolRunner(tools, timeout_s=timeout_s, log=log)

    async def complete(self, request: ProviderRequest) -> bytes:
        """Ask until there is an answer. Returns: the last completion, with the usage of all. Raises: GatewayError."""
        async with aclosing(self._runner.tools) as tools:
            specs = await tools.list_tools()
            if not specs:
                return await self._inner.complete(request)
            talk = Talk(request, specs)
            for turn in range(self._max_iterations):
                raw = await self._inner.complete(talk.request())
                completion = decode_answer(raw)
                choice = first_choice(completion)
                message = message_of(choice)
                fragments = ToolFragments()
                fragments.add_whole(message.get("tool_calls"))
                talk.add_usage(completion.get("usage"))
                if not fragments:
                    break
                if turn + 1 < self._max_iterations:
                    calls = fragments.calls(f"call_{turn}_")
                    replies = await self._runner.run_all(calls, finished=bool(choice.get("finish_reason")))
                    thought = {name: message[name] for name in MEMBERS if message.get(name)}
                    talk.add_calls(message.get("content"), calls, replies, thought)
            talk.tell_headers()
            return raw if talk.turns == 1 and not fragments else talk.closing(completion, cut=bool(fragments))

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Ask until there is an answer. Returns: the chunks of all turns but tool calls. Raises: GatewayError."""
        async with aclosing(self._runner.tools) as tools:
            specs = await tools.list_tools()
            talk = Talk(request, specs)
            for number in range(self._max_iterations if specs else 1):
                turn = Turn(talk.usage)
                async with aclosing(self._inner.stream(talk.request())) as batches:
                    async for batch in batches:
                        if visible := turn.visible(batch):
                            talk.tell_headers()
                            yield visible
                talk.add_usage(turn.usage)
                if not turn.fragments:
                    break
                if number + 1 < self._max_iterations:
                    calls = turn.fragments.calls(f"call_{number}_")
                    replies = await self._runner.run_all(calls, finished=turn.finished)
                    talk.add_calls(turn.content, calls, replies, turn.thought)
            if turn.fragments:
                talk.tell_headers()
                yield turn.closing(talk.usage)
        yield [DONE]

    async def aclose(self) -> None:
        """Nothing to free: the inner client belongs to the app."""
