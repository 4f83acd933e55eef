"""How many tool processes run at a time, over all requests of a gateway."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_PER_CORE = 4
_WAIT_S = 10.0


class NoSlot(Exception):
    """Every slot is taken, and none became free in time. The text is for the model."""


class ToolSlots:
    """A bound, and a queue behind it whose members give up. It belongs to one event loop.

    count: processes at a time, None for four per core. wait_s: how long a call waits for one.
    """

    def __init__(self, count: int | None = None, wait_s: float = _WAIT_S) -> None:
        self._count = count or _PER_CORE * (os.cpu_count() or 1)
        self._wait_s = wait_s
        self._free = asyncio.Semaphore(self._count)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold a slot, first come, first served. Raises: NoSlot."""
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError:
            raise NoSlot(
                f"all {self._count} tool processes of the gateway were busy for {self._wait_s:g}s, nothing was run; "
                "try again later"
            ) from None
        try:
            yield
        finally:
            self._free.release()
