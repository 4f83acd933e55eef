"""The loop's model port on top of the model clients: resolves, asks, and adds up usage."""

from __future__ import annotations

from collections.abc import Callable

from mini_agent.agent.values import ModelAnswer, ModelRequest
from mini_agent.core.chat import Caller, ModelTarget, ProviderRequest
from mini_agent.core.errors import GatewayError
from mini_agent.dialects import Dialect
from mini_agent.upstreams.clients import Clients, with_defaults
from mini_agent.upstreams.protocol import decode_answer

__all__ = ["LoopModel"]

_USAGE = ("prompt_tokens", "completion_tokens", "total_tokens")


class LoopModel:
    """Answers the model calls of one run.

    resolve: model name to target. clients: of the app. caller: who asked for the run. on_error: called for
    each failed call with client name, target and error.
    """

    def __init__(
        self,
        resolve: Callable[[str], ModelTarget],
        clients: Clients,
        caller: Caller,
        on_error: Callable[[str, ModelTarget, GatewayError], None],
    ) -> None:
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
            completion = decode_answer(await client.complete(provider_request))
        except GatewayError as error:
            self._on_error(client.name, target, error)
            raise
        self._add_usage(completion)
        return ModelAnswer(payload=completion, simulated=client.capabilities.simulated)

    def _add_usage(self, completion: object) -> None:
        usage = completion.get("usage") if isinstance(completion, dict) else None
        if isinstance(usage, dict):
            for name in _USAGE:
                if isinstance(count := usage.get(name), int):
                    self.usage[name] += count
