"""The model clients of an app, each for the callers that it is asked by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mini_agent.core.chat import ModelTarget, ProviderRequest
from mini_agent.dialects import Dialect, Reply
from mini_agent.upstreams.protocol import ModelClient
from mini_agent.upstreams.speaking import Interpreter

__all__ = ["Clients", "with_defaults"]


class Clients:
    """Model clients by the key that a target names. interpreter: lets them speak other dialects than their own."""

    def __init__(self, clients: Mapping[str, ModelClient], interpreter: Interpreter) -> None:
        self._clients = dict(clients)
        self._interpreter = interpreter

    def __iter__(self) -> Iterator[ModelClient]:
        """Returns: every client once."""
        return iter(self._clients.values())

    def add_missing(self, key: str, client: ModelClient) -> None:
        """Put a client under a key that is still free."""
        self._clients.setdefault(key, client)

    def of(self, target: ModelTarget, caller: Dialect = Dialect.CHAT) -> ModelClient:
        """Returns: the client of a target, for callers of a dialect."""
        return self.speaking(self._clients[target.client], target, caller)

    def speaking(self, client: ModelClient, target: ModelTarget, caller: Dialect) -> ModelClient:
        """Returns: a client, for callers of a dialect. target: what it is asked with."""
        return self._interpreter.client(client, target, caller)

    def reply(self, request: ProviderRequest, caller: Dialect) -> Reply:
        """Returns: what an answer that we write ourselves is made with. Raises: GatewayError for a malformed body."""
        return self._interpreter.reply(request, self._interpreter.translate(request, caller, caller))


def with_defaults(target: ModelTarget, fields: Mapping[str, Any], caller: Dialect) -> dict[str, Any]:
    """Returns: a body with what the operator configured; a translation adds that itself, in the provider's words."""
    return {**target.defaults, **fields} if target.dialect == caller else dict(fields)
