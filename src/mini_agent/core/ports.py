"""What the gateway needs from outside, as one frozen record. Tests replace a port; they never patch a name."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Clock", "HttpConnectorFactory", "SystemClock", "id_source", "new_id", "open_http_connector"]


class Clock(Protocol):
    """Time. All values in seconds."""

    def time(self) -> float:
        """Returns: seconds since the epoch."""

    def monotonic(self) -> float:
        """Returns: seconds on a clock that never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds`."""


class SystemClock:
    """The machine's clock."""

    def time(self) -> float:
        """Returns: seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Returns: seconds on a clock that never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait on the running loop."""
        await asyncio.sleep(seconds)


def new_id() -> str:
    """Returns: 32 random hexadecimal digits, the text of a random UUID."""
    return os.urandom(16).hex()


def id_source() -> Callable[[], str]:
    """Make a source of ids, seeded by the system once.

    Ids tell requests apart and guard nothing, and asking the system for each would cost a call into it per request.

    Returns: a function that gives 32 random hexadecimal digits.
    """
    dice = random.Random()
    return lambda: f"{dice.getrandbits(128):032x}"


def open_http_connector() -> aiohttp.BaseConnector:
    """Open the pool of connections that all HTTP clients of one app share. Must run on the app's loop.

    It has no bound of its own: `providers.connections` bounds it per provider, with a time limit for waiting. It knows
    no cookies: those belong to the client of one user.

    Returns: the pool; the caller closes it.
    """
    import aiohttp

    # Many servers (uvicorn, Node, llama.cpp) close a connection after 5 idle seconds. A request that crosses the close
    # is lost and must not be sent twice: ours give a connection up first.
    return aiohttp.TCPConnector(limit=0, ttl_dns_cache=30, keepalive_timeout=4)


HttpConnectorFactory = Callable[[], "aiohttp.BaseConnector"]
