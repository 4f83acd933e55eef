"""`/ready`, `/healthz` and `HEAD /`: open, and touching no model."""

from __future__ import annotations

import msgspec

from mini_agent import __version__
from mini_agent.edge.exchange import Receive, Scope, Send, send_body
from mini_agent.settings import Settings

READY = b'{"ok": true}'


class FixedRoute:
    """`GET /ready`, and `HEAD /`, by which clients look whether anybody is there. body: all of the answer."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer."""
        await send_body(send, self._body)


class HealthRoute:
    """`GET /healthz`. started_at: seconds since the epoch."""

    def __init__(self, settings: Settings, started_at: float) -> None:
        self._facts = {
            "ok": True,
            "host": settings.host,
            "port": settings.port,
            "started_at": started_at,
            "delay_ms": settings.shim_delay_ms,
            "service": "mini-agent",
            "version": __version__,
            "provider_mode": settings.provider_mode,
        }
        if settings.instance_id is not None:
            self._facts["instance_id"] = settings.instance_id

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer with the address that accepted this connection: the settings may say port 0."""
        facts = self._facts
        server = scope.get("server")
        if server is not None and server[1] is not None:
            facts = {**facts, "host": server[0], "port": server[1]}
        await send_body(send, msgspec.json.encode(facts))
