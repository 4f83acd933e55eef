"""The MCP servers of one app, and who has a session with which of them: no two users share one (GATEWAY 14.4)."""

from __future__ import annotations

import asyncio
import importlib.util
from collections import OrderedDict
from collections.abc import Mapping

from mini_agent.core.errors import ProviderNotConfigured
from mini_agent.core.ports import SYSTEM_CLOCK, Clock
from mini_agent.net.egress import Egress
from mini_agent.settings.schema import McpServer
from mini_agent.tools.mcp.session import McpFailure, McpSession, ServerFacts

#: Sessions with one server at a time. One over stdio is a process.
_MOST_SESSIONS = {"stdio": 16, "http": 128, "sse": 128}
#: A session that nobody used for this long ends when another is asked for.
IDLE_S = 1800.0


class McpServerSessions:
    """The sessions with one server, least recently used first.

    limit: most of them at a time.
    """

    def __init__(self, facts: ServerFacts, *, limit: int, clock: Clock) -> None:
        self.name = facts.name
        self._facts = facts
        self._limit = limit
        self._clock = clock
        self._of_user: OrderedDict[str | None, McpSession] = OrderedDict()
        self._leaving: set[asyncio.Task[None]] = set()

    def of(self, user_id: str | None) -> McpSession:
        """Find the session of a user, or make it; it opens when it is used.

        Raises: McpFailure when there are as many as there may be, and all are in use.
        """
        now = self._clock.monotonic()
        self._forget_idle(now)
        session = self._of_user.get(user_id)
        if session is None:
            self._make_room()
            session = self._of_user[user_id] = McpSession(self._facts, self._clock)
        session.used_at = now
        self._of_user.move_to_end(user_id)
        return session

    async def aclose(self) -> None:
        """Close all sessions at once, bounded."""
        sessions = list(self._of_user.values())
        self._of_user.clear()
        await asyncio.gather(*(session.aclose() for session in sessions), *self._leaving)

    def _forget_idle(self, now: float) -> None:
        for user_id, session in list(self._of_user.items()):
            if now - session.used_at >= IDLE_S and not session.in_use:
                self._forget(user_id)

    def _make_room(self) -> None:
        if len(self._of_user) < self._limit:
            return
        idle = next((user_id for user_id, session in self._of_user.items() if not session.in_use), _NOBODY)
        if idle is _NOBODY:
            raise McpFailure(f"all {self._limit} sessions with it are in use", gone=False)
        self._forget(idle)

    def _forget(self, user_id: object) -> None:
        session = self._of_user.pop(user_id)  # type: ignore[call-overload]  # of this dict's own keys
        task = asyncio.get_running_loop().create_task(session.aclose())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


_NOBODY = object()


class McpPool:
    """All configured servers of one app. It belongs to one event loop.

    servers: in configured order. environ: where the PATH and HOME of stdio servers come from. egress: where connections
    may go, by default where those of a gateway on loopback may.
    """

    def __init__(
        self,
        servers: Mapping[str, McpServer],
        environ: Mapping[str, str],
        egress: Egress | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.clock = clock
        facts = (ServerFacts(name, server, dict(environ), egress or Egress()) for name, server in servers.items())
        self.servers = tuple(
            McpServerSessions(each, limit=_MOST_SESSIONS[each.server.transport], clock=clock) for each in facts
        )

    @property
    def available(self) -> bool:
        """Returns: whether there is any server, and the package to talk to it."""
        return bool(self.servers) and importlib.util.find_spec("mcp") is not None

    def require(self) -> None:
        """Raises: ProviderNotConfigured without servers, or without the optional `mcp` package."""
        if not self.servers:
            raise ProviderNotConfigured("no mcp_servers are configured")
        if importlib.util.find_spec("mcp") is None:
            raise ProviderNotConfigured("MCP servers need the optional package 'mcp'")

    async def aclose(self) -> None:
        """Close every session at once, bounded."""
        await asyncio.gather(*(server.aclose() for server in self.servers))
