"""What every ASGI application of ours has around it: the door, the clock, and one log line for each request."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping

from mini_agent.core.logs import RequestLines
from mini_agent.core.ports import Clock
from mini_agent.edge.envelope import ErrorWriter
from mini_agent.edge.exchange import Receive, Scope, Send
from mini_agent.edge.guard import DoorRules, RequestGuard

#: What the log and the metrics call an exchange whose client left before the answer.
CLIENT_CLOSED = 499


class Shell:
    """Tells kinds of connections apart. Subclasses answer requests and the server's start and stop."""

    def __init__(self, rules: DoorRules, errors: ErrorWriter, *, clock: Clock, log: logging.Logger) -> None:
        self._guard = RequestGuard(rules)
        self._errors = errors
        self._clock = clock
        self._log = log
        self._lines = RequestLines(log, clock.time)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection. A coroutine function: by that servers know an application of this interface."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    def _http(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        raise NotImplementedError

    def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        raise NotImplementedError

    def _write_line(self, request_id: str, scope: Scope, where: Mapping[str, str], status: int, seconds: float) -> None:
        """Log a request. where: harmless facts about it, by name."""
        facts = {
            "request_id": request_id if request_id.startswith("req-") else self._errors.clean(request_id),
            "method": scope["method"][:20],
            **where,
            "status": status,
            "ms": round(seconds * 1000, 2),
        }
        self._lines.write_line(logging.INFO if status < 400 else logging.WARNING, facts)
