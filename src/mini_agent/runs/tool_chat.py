"""A model client whose calls of gateway tools are run until the model answers (GATEWAY 6.7)."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from mini_agent.agent.fragments import ToolFragments
from mini_agent.core.chat import DONE, ProviderRequest
from mini_agent.dialects.openai_chat.thoughts import MEMBERS
from mini_agent.runs.tool_runner import ToolRunner
from mini_agent.runs.tool_turn import Conversation, Turn, first_choice, message_of
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
        self.capabilities = inner.capabilities
        self._inner = inner
        self._max_iterations = max_iterations
        self._runner = ToolRunner(tools, timeout_s=timeout_s, log=log)

    async def complete(self, request: ProviderRequest) -> bytes:
        """Ask until there is an answer. Returns: the last completion, with the usage of all. Raises: GatewayError."""
        async with aclosing(self._runner.tools) as tools:
            specs = await tools.list_tools()
            if not specs:
                return await self._inner.complete(request)
            dialog = Conversation(request, specs)
            for turn in range(self._max_iterations):
                raw = await self._inner.complete(dialog.request())
                completion = decode_answer(raw)
                choice = first_choice(completion)
                message = message_of(choice)
                fragments = ToolFragments()
                fragments.add_whole(message.get("tool_calls"))
                dialog.add_usage(completion.get("usage"))
                if not fragments:
                    break
                if turn + 1 < self._max_iterations:
                    calls = fragments.calls(f"call_{turn}_")
                    replies = await self._runner.run_all(calls, finished=bool(choice.get("finish_reason")))
                    thought = {name: message[name] for name in MEMBERS if message.get(name)}
                    dialog.add_calls(message.get("content"), calls, replies, thought)
            dialog.pass_headers_on()
            return raw if dialog.turns == 1 and not fragments else dialog.closing(completion, cut=bool(fragments))

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Ask until there is an answer. Returns: the chunks of all turns but tool calls. Raises: GatewayError."""
        async with aclosing(self._runner.tools) as tools:
            specs = await tools.list_tools()
            dialog = Conversation(request, specs)
            for number in range(self._max_iterations if specs else 1):
                turn = Turn(dialog.usage)
                async with aclosing(self._inner.stream(dialog.request())) as batches:
                    async for batch in batches:
                        if visible := turn.visible(batch):
                            dialog.pass_headers_on()
                            yield visible
                dialog.add_usage(turn.usage)
                if not turn.fragments:
                    break
                if number + 1 < self._max_iterations:
                    calls = turn.fragments.calls(f"call_{number}_")
                    replies = await self._runner.run_all(calls, finished=turn.finished)
                    dialog.add_calls(turn.content, calls, replies, turn.thought)
            if turn.fragments:
                dialog.pass_headers_on()
                yield turn.closing(dialog.usage)
        yield [DONE]

    async def aclose(self) -> None:
        """Nothing to free: the inner client belongs to the app."""
