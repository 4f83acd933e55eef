"""A model client whose calls of gateway tools are run until the model answers (GATEWAY.md 6.7)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from mini_agent.agent.calls import PlannedCall
from mini_agent.agent.fragments import CollectedCall, ToolFragments
from mini_agent.agent.records import message_text, record_from
from mini_agent.agent.tool_values import parse_arguments
from mini_agent.core.chat import DONE, ProviderRequest
from mini_agent.core.text import load_json
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
        self._tools = tools
        self._max_iterations = max_iterations
        self._timeout_s = timeout_s
        self._log = log

    async def complete(self, request: ProviderRequest) -> bytes:
        """Ask until there is an answer. Returns: the last completion, with the usage of all. Raises: GatewayError."""
        async with aclosing(self._tools):
            specs = await self._tools.list_tools()
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
                    await self._answer(talk, message.get("content"), calls, bool(choice.get("finish_reason")))
            talk.tell_headers()
            return raw if talk.turns == 1 and not fragments else talk.closing(completion, cut=bool(fragments))

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Ask until there is an answer. Returns: the chunks of all turns but tool calls. Raises: GatewayError."""
        async with aclosing(self._tools):
            specs = await self._tools.list_tools()
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
                    await self._answer(talk, turn.content, turn.fragments.calls(f"call_{number}_"), turn.finished)
            if turn.fragments:
                talk.tell_headers()
                yield turn.closing(talk.usage)
        yield [DONE]

    async def aclose(self) -> None:
        """Nothing to free: the inner client belongs to the app."""

    async def _answer(self, talk: Talk, content: Any, calls: Sequence[CollectedCall], finished: bool) -> None:
        """Run the calls of one turn and put them and their replies into the conversation."""
        texts = await asyncio.gather(*(self._run(call, finished) for call in calls))
        talk.add_calls(content, calls, texts)

    async def _run(self, call: CollectedCall, finished: bool) -> str:
        """Returns: what the model reads of one call."""
        arguments = {} if not call.arguments.strip() or call.arguments == "null" else parse_arguments(call.arguments)
        if not finished or arguments is None:
            return f"error: call '{call.id}' of tool '{call.name}' was cut off before its arguments were complete"
        function = {"name": call.name, "arguments": json.dumps(arguments)}
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._tools.call({"id": call.id, "type": "function", "function": function})
        except TimeoutError:
            return f"error: timeout after {self._timeout_s:g}s"
        except Exception as error:  # noqa: BLE001 - a failing tool is something for the model to read; it is logged
            self._log.warning("a tool failed", extra={"facts": {"type": type(error).__name__}})
            return f"error: the tool failed: {type(error).__name__}"
        return _words(call, answer)


def _words(call: CollectedCall, answer: str) -> str:
    """Returns: the words for the model in a tool's answer, cut as in agent runs (GATEWAY.md 5.3)."""
    try:
        fields = load_json(answer)
    except ValueError:
        fields = None
    if isinstance(fields, dict) and isinstance(text := fields.get("text"), str):
        # Tools that write for the model say all of it there, failures included.
        answer = json.dumps({"text": text})
    planned = PlannedCall(
        index=0, id=call.id, name=call.name, requested_name=None, arguments=call.arguments, refused=False
    )
    return message_text(record_from(planned, answer, model="", t_ms=0.0))
