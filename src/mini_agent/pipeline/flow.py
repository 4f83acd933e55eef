"""A request on its way through the pipeline: what its steps find out, and what they change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from mini_agent.core.chat import ModelTarget, ProviderRequest
from mini_agent.dialects import Dialect
from mini_agent.edge.exchange import Exchange, Receive, Scope, Send
from mini_agent.upstreams.protocol import ModelClient


@dataclass(slots=True)
class Flow:
    """One request of one dialect.

    `admit` finds out who answers and with what: hop, stream, target, client, body, protocol_headers. `user` makes the
    request of it. `continue` fills references in, in `body` too, which is what is kept of the caller's words. `recall`
    and `tools` change request and client; `call` answers. headers: of the answer, beside those of its kind.
    """

    scope: Scope
    receive: Receive
    send: Send
    exchange: Exchange
    dialect: Dialect
    hop: int = field(init=False)
    stream: bool = field(init=False)
    target: ModelTarget = field(init=False)
    client: ModelClient = field(init=False)
    body: dict[str, Any] = field(init=False)
    protocol_headers: dict[str, str] = field(init=False)
    request: ProviderRequest = field(init=False)
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


#: Raises: GatewayError before anything was sent; ClientDisconnected.
Step = Callable[[Flow], Awaitable[None]]
