"""The model clients of an app: the table of them, and which one answers for a target, in its caller's dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mini_agent.core.chat import ModelTarget
from mini_agent.core.ports import Clock
from mini_agent.dialects import Dialect
from mini_agent.net.connections import Connections
from mini_agent.net.sessions import Sessions
from mini_agent.settings import Settings
from mini_agent.upstreams.codex.agent import codex_client
from mini_agent.upstreams.direct import DIRECT, direct_client
from mini_agent.upstreams.forward.client import forward_client
from mini_agent.upstreams.litellm.clients import SdkClients
from mini_agent.upstreams.litellm.sdk import LiteLLMClient
from mini_agent.upstreams.model_http import ModelHttp
from mini_agent.upstreams.protocol import ModelClient
from mini_agent.upstreams.scripted import ScriptedClient
from mini_agent.upstreams.speaking import Interpreter


@dataclass(frozen=True, slots=True)
class ClientDependencies:
    """What a model client may use: connections, the HTTP clients of users, the clock and unique ids."""

    connections: Connections
    sessions: Sessions
    clock: Clock
    ids: Callable[[], str]


#: Key of the client that answers for all models in shim mode `echo`.
ECHO = "echo"
ModelClientFactory = Callable[[Settings, ClientDependencies], ModelClient]


class Clients:
    """Model clients by the key that a target names. interpreter: lets them speak other dialects than their own."""

    def __init__(self, clients: Mapping[str, ModelClient], interpreter: Interpreter) -> None:
        self._clients = dict(clients)
        self.interpreter = interpreter

    def __iter__(self) -> Iterator[ModelClient]:
        """Returns: every client once."""
        return iter(self._clients.values())

    def add_missing(self, key: str, client: ModelClient) -> None:
        """Put a client under a key that is still free."""
        self._clients.setdefault(key, client)

    def of(self, target: ModelTarget, caller: Dialect = Dialect.CHAT) -> ModelClient:
        """Returns: the client of a target, for callers of a dialect."""
        return self.interpreter.client(self._clients[target.client], target, caller)


def build_clients(settings: Settings, needs: ClientDependencies, replaced: Mapping[str, ModelClientFactory]) -> Clients:
    """Build every model client but the agent, which asks the others. replaced: factories instead of the built-in."""
    interpreter = Interpreter(needs.clock, needs.ids, drop_unknown=settings.drop_params)
    factories = {**_built_in(), **replaced}
    return Clients({key: factory(settings, needs) for key, factory in factories.items()}, interpreter)


def _built_in() -> Mapping[str, ModelClientFactory]:
    """Returns: the visible table of model clients, key of a target to factory."""
    return {
        **{kind.client: _direct(dialect) for dialect, kind in DIRECT.items()},
        "litellm_sdk": lambda settings, needs: LiteLLMClient(
            needs.clock,
            drop_params=settings.drop_params,
            clients=SdkClients(needs.sessions, settings.max_answer_bytes),
        ),
        "forward": lambda settings, needs: forward_client(settings, ModelHttp(needs.connections, needs.clock)),
        "codex_agent": lambda settings, needs: codex_client(settings, needs.connections, needs.clock),
        "scripted": lambda _, needs: ScriptedClient(needs.clock, needs.ids),
        ECHO: lambda settings, needs: ScriptedClient(
            needs.clock, needs.ids, reply=lambda _: settings.shim_reply, prefix="shim"
        ),
    }


def _direct(dialect: Dialect) -> ModelClientFactory:
    return lambda _, needs: direct_client(dialect, ModelHttp(needs.connections, needs.clock))


def with_defaults(target: ModelTarget, fields: Mapping[str, Any], caller: Dialect) -> dict[str, Any]:
    """Returns: a body with what the operator configured; a translation adds that itself, in the provider's words."""
    return {**target.defaults, **fields} if target.dialect == caller else dict(fields)
