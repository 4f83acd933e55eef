"""One HTTP client per user and provider host: cookies persist, and never cross (GATEWAY 8.5)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING
from weakref import WeakSet

import aiohttp
from yarl import URL

from mini_agent.core.ports import Clock
from mini_agent.net.connector import HttpConnectorFactory, open_http_connector, open_session
from mini_agent.net.stale import send_past_stale

if TYPE_CHECKING:
    from aiohttp.client_middlewares import ClientHandlerType

MAX_SESSIONS = 256
#: A client that nobody asked for in this time is forgotten with its cookies.
IDLE_S = 1800.0
#: Longest cookie with its attributes: what browsers keep (RFC 6265 6.1).
_COOKIE_BYTES = 4096

_Key = tuple[str | None, str]


@lru_cache(maxsize=256)
def session_host(address: str) -> str:
    """Returns: the host of a provider's address, with its port where that is not the scheme's: a key of a session."""
    return URL(address).host_port_subcomponent or ""


class Sessions:
    """Hands out clients, one per user and host, on the running loop.

    connector: opens the pool of connections that all clients of a loop share. limit: most clients per loop. idle_s:
    seconds until an unused client is forgotten.
    """

    def __init__(
        self,
        clock: Clock,
        connector: HttpConnectorFactory = open_http_connector,
        *,
        limit: int = MAX_SESSIONS,
        idle_s: float = IDLE_S,
    ) -> None:
        self._clock = clock
        self._connector = connector
        self._limit = limit
        self._idle_s = idle_s
        self._pools: dict[asyncio.AbstractEventLoop, _Pool] = {}

    async def get_session(self, user_id: str | None, host: str) -> aiohttp.ClientSession:
        """Find the client of a user at a host, or open it.

        user_id: None for requests without a user, whose cookies are dropped. host: as `session_host` gives it.
        Returns: the client, the same one until it is idle for long, closed, or pushed out while nobody uses it. It
        belongs to this object: callers do not close it.
        """
        held = await self.hold(user_id, host)
        held.release()
        return held.client

    get_client = get_session

    async def hold(self, user_id: str | None, host: str) -> HeldClient:
        """Find a client as `get_session` does.

        Returns: it, in use until `release` is called: its requests go out with middlewares of their own, unwatched.
        """
        pool = self._pools.get(asyncio.get_running_loop())
        if pool is None or pool.connector.closed:
            pool = await self._open_pool()
        held = pool.entry(user_id, host, self._clock.monotonic())
        held.users += 1
        return held

    def cookie_counts(self, user_id: str) -> list[int]:
        """Returns: for each client of a user on the running loop, how many cookies it holds."""
        pool = self._pools.get(asyncio.get_running_loop())
        return [] if pool is None else pool.cookie_counts(user_id, self._clock.monotonic())

    async def aclose(self) -> None:
        """Close all clients and connections. A later call opens new ones; calling it twice is harmless."""
        pools = list(self._pools.values())
        self._pools.clear()
        for pool in pools:
            await pool.aclose()

    async def _open_pool(self) -> _Pool:
        loop = asyncio.get_running_loop()
        ended = [other for other in self._pools if other is loop or other.is_closed()]
        pools = [self._pools.pop(other) for other in ended]
        pool = self._pools[loop] = _Pool(self._connector(), self._limit, self._idle_s)
        for old in pools:
            await old.aclose()
        return pool


class _Pool:
    """The clients of one event loop, least recently used first."""

    def __init__(self, connector: aiohttp.BaseConnector, limit: int, idle_s: float) -> None:
        self.connector = connector
        self._limit = limit
        self._idle_s = idle_s
        self._entries: OrderedDict[_Key, HeldClient] = OrderedDict()

    def entry(self, user_id: str | None, host: str, now: float) -> HeldClient:
        """Returns: the open client of this key. now: monotonic seconds."""
        self._forget_idle(now)
        key = (user_id, host)
        entry = self._entries.get(key)
        if entry is None:
            self._make_room()
            entry = self._entries[key] = HeldClient(self.connector, keeps_cookies=user_id is not None)
        elif entry.client.closed:
            entry.reopen(self.connector)
        self._entries.move_to_end(key)
        entry.used_at = now
        return entry

    def cookie_counts(self, user_id: str, now: float) -> list[int]:
        self._forget_idle(now)
        return [len(entry.jar) for (owner, _), entry in self._entries.items() if owner == user_id]

    async def aclose(self) -> None:
        for entry in self._entries.values():
            entry.client.detach()
        self._entries.clear()
        await self.connector.close()

    def _forget_idle(self, now: float) -> None:
        oldest = next(iter(self._entries.values()), None)
        if oldest is None or now - oldest.used_at < self._idle_s:
            return
        for key, entry in list(self._entries.items()):
            if now - entry.used_at < self._idle_s:
                break
            if not entry.in_use:
                self._forget(key)

    def _make_room(self) -> None:
        # A client in use stays, even if that makes one more than the limit until it is free.
        surplus = len(self._entries) - self._limit + 1
        idle = (key for key, entry in self._entries.items() if not entry.in_use)
        for key in list(islice(idle, max(0, surplus))):
            self._forget(key)

    def _forget(self, key: _Key) -> None:
        # Only the client ends; its connections carry no state of a user and stay with the pool.
        self._entries.pop(key).client.detach()


class _BoundedJar(aiohttp.CookieJar):
    """A jar that a host cannot fill: aiohttp bounds how many cookies one keeps, and we how long one may be."""

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        """Keep what an answer sets, but for cookies that no browser would keep either."""
        super().update_cookies_from_headers([text for text in headers if len(text) <= _COOKIE_BYTES], response_url)


class HeldClient:
    """One client, its cookies, and what still uses it. users: who holds it, or has a request on its way."""

    def __init__(self, connector: aiohttp.BaseConnector, *, keeps_cookies: bool) -> None:
        # `unsafe` keeps cookies of hosts that are addresses, too; the jar serves one host anyway.
        self.jar = _BoundedJar(unsafe=True) if keeps_cookies else aiohttp.DummyCookieJar()
        self.used_at = 0.0
        self.users = 0
        self._answers: WeakSet[aiohttp.ClientResponse] = WeakSet()
        self.reopen(connector)

    @property
    def in_use(self) -> bool:
        """Returns: whether somebody holds it, a request is on its way, or an answer is not read to its end."""
        return self.users > 0 or any(not answer.closed for answer in self._answers)

    def release(self) -> None:
        """Let go of it."""
        self.users -= 1

    def reopen(self, connector: aiohttp.BaseConnector) -> None:
        """Open the client, with the cookies that are there."""
        self.client = open_session(connector, self.jar, connector_owner=False, middlewares=(self._watch,))

    async def _watch(self, request: aiohttp.ClientRequest, handler: ClientHandlerType) -> aiohttp.ClientResponse:
        self.users += 1
        try:
            answer = await send_past_stale(request, handler)
        finally:
            self.users -= 1
        self._answers.add(answer)
        return answer
