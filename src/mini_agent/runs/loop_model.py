"""The loop's model port on top of the model clients: resolves, asks, and adds up usage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from mini_agent.agent.values import ModelAnswer, ModelRequest
from mini_agent.core.chat import DONE, Caller, ModelTarget, ProviderRequest
from mini_agent.core.errors import GatewayError, InvalidProviderResponse
from mini_agent.dialects import Dialect
from mini_agent.runs.run_events import RunEvents
from mini_agent.stored.chunks import CompletionBuilder
from mini_agent.upstreams.clients import Clients, with_defaults
from mini_agent.upstreams.protocol import ModelClient, decode_answer

_USAGE = ("prompt_tokens", "completion_tokens", "total_tokens")


class LoopModel:
    """Answers the model calls of one run.

    resolve: model name to target. clients: of the app. caller: who asked for the run. on_error: called for
    each failed call with client name, target and error. events: told what models say while they say it; None for nobody
    who listens, and then nothing is streamed. limit: bytes of a streamed answer.
    """

    def __init__(
        self,
        resolve: Callable[[str], ModelTarget],
        clients: Clients,
        caller: Caller,
        on_error: Callable[[str, ModelTarget, GatewayError], None],
        events: RunEvents | None = None,
        limit: int = 2**25,
    ) -> None:
        self._events = events
        self._limit = limit
        self._resolve = resolve
        self._clients = clients
        self._caller = caller
        self._on_error = on_error
        self.usage = dict.fromkeys(_USAGE, 0)

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Ask once. Returns: the completion and whether it was scripted. Raises: GatewayError."""
        target = self._resolve(request.model)
        client = self._clients.of(target)
        body = with_defaults(target, request.body(), Dialect.CHAT)
        del body["model"]
        provider_request = ProviderRequest(target=target, body=body, caller=self._caller)
        try:
            completion = await self._asked(client, provider_request)
        except GatewayError as error:
            self._on_error(client.name, target, error)
            raise
        self._add_usage(completion)
        return ModelAnswer(payload=completion, simulated=client.capabilities.simulated)

    async def _asked(self, client: ModelClient, request: ProviderRequest) -> Any:
        if self._events is None:
            return decode_answer(await client.complete(request))
        events, builder = self._events, CompletionBuilder(self._limit)
        events.begin_turn(request.target.model)
        body = {**request.body, "stream": True}
        async with aclosing(client.stream(replace(request, body=body))) as batches:
            async for batch in batches:
                for payload in batch:
                    if payload != DONE:
                        builder.feed(payload)
                        await events.tell_text(_text_of(decode_answer(payload)))
        completion = builder.built()
        if completion is None:
            raise InvalidProviderResponse("the provider's stream ended before the answer was finished")
        await events.end_turn(completion["choices"][0]["message"])
        return completion

    def _add_usage(self, completion: object) -> None:
        usage = completion.get("usage") if isinstance(completion, dict) else None
        if isinstance(usage, dict):
            for name in _USAGE:
                if isinstance(count := usage.get(name), int):
                    self.usage[name] += count


def _text_of(chunk: Any) -> str:
    choices = chunk.get("choices") if isinstance(chunk, Mapping) else None
    delta = choices[0].get("delta") if choices and isinstance(choices[0], Mapping) else None
    text = delta.get("content") if isinstance(delta, Mapping) else None
    return text if isinstance(text, str) else ""
