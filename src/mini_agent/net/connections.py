"""The connections of one app: which client a request uses, how many there are, how long one may take (GATEWAY 7.2).

aiohttp bounds connecting and reading. It has no limit for writing, and waits for a free connection and connects under
one limit; both are here.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload
from yarl import URL

from mini_agent.core.errors import ProviderTimeout
from mini_agent.core.waiting import within
from mini_agent.net.sessions import HeldClient, Sessions
from mini_agent.settings import Settings

_PIECE_BYTES = 2**18


class Place(NamedTuple):
    """A place in a pool of connections. held: the client to ask with."""

    held: HeldClient
    slots: asyncio.Semaphore

    def release(self) -> None:
        """Give the place back."""
        self.held.release()
        self.slots.release()


class Connections:
    """Sessions of users on a bounded pool: of so many connections per provider at a time as the settings say."""

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        #: Bytes of a whole answer, decoded, that are read at most.
        self.answer_bytes = settings.max_answer_bytes
        self._sessions = sessions
        self._limit = settings.pool_connections
        self._wait_s = settings.pool_s
        self._write_s = settings.write_s
        self._slots: dict[tuple[asyncio.AbstractEventLoop, str], asyncio.Semaphore] = {}

    def body(self, raw: bytes, *, again: bool = False) -> TimedBody:
        """Returns: a request body that must be taken in time. again: whether to ask it twice does no harm."""
        return TimedBody(raw, self._write_s, again=again)

    async def place(self, user_id: str | None, url: URL) -> Place:
        """Take a place in the pool of the address's host, with the client of this user there.

        Returns: it, until its `release`. Raises: ProviderTimeout when none became free in time.
        """
        host = url.host_port_subcomponent or ""
        key = (asyncio.get_running_loop(), host)
        slots = self._slots.get(key)
        if slots is None:
            slots = self._slots[key] = asyncio.Semaphore(self._limit)
        held = await self._sessions.hold(user_id, host)
        try:
            await within(self._wait_s, slots.acquire())
        except TimeoutError as error:
            held.release()
            raise ProviderTimeout("no connection to the provider became free in time") from error
        except BaseException:
            held.release()
            raise
        return Place(held, slots)


class TimedBody(Payload):
    """A body that is written in pieces, each of which the provider must take in time.

    write_s: seconds for a piece. again: whether to ask it twice does no harm (`net.stale`).

    aiohttp's own class for bytes writes all at once, and warns of large ones for that reason.
    """

    _autoclose = True

    def __init__(self, value: bytes, write_s: float, *, again: bool = False) -> None:
        super().__init__(value, content_type="application/json")
        self.again = again
        self._size = len(value)
        self._bytes = memoryview(value)
        self._write_s = write_s

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Returns: the body as text."""
        return str(self._bytes, encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write the whole body. Raises: TimeoutError when the provider does not read."""
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Write the body up to a length in bytes. Raises: TimeoutError when the provider does not read."""
        body = self._bytes if content_length is None else self._bytes[:content_length]
        for start in range(0, len(body), _PIECE_BYTES):
            await within(self._write_s, writer.write(body[start : start + _PIECE_BYTES]))
