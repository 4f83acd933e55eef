"""Clocks of tests: one that moves only by hand, and one that waits for nothing."""

from __future__ import annotations

import asyncio

from mini_agent.core.ports import SystemClock


class HandClock:
    """now: seconds. slept: every wait that was asked for, in seconds."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def time(self) -> float:
        """Returns: the time the test has set, as seconds since the epoch."""
        return self.now

    def monotonic(self) -> float:
        """Returns: the time the test has set."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved far enough."""
        self.slept.append(seconds)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, waiter))
        await waiter

    def advance(self, seconds: float) -> None:
        """Move on, and wake who has slept long enough."""
        self.now += seconds
        for wakes, waiter in self._sleepers:
            if wakes <= self.now and not waiter.done():
                waiter.set_result(None)


async def pass_time(clock: HandClock, seconds: float) -> None:
    """Move the clock, and let whoever it wakes take its turn."""
    clock.advance(seconds)
    for _ in range(5):
        await asyncio.sleep(0)


class NotedWaits(SystemClock):
    """The machine's clock, but it notes waits instead of waiting. now: fixed seconds since the epoch, None for real."""

    def __init__(self, now: float | None = None) -> None:
        self.waits: list[float] = []
        self._now = now

    def time(self) -> float:
        """Returns: seconds since the epoch."""
        return super().time() if self._now is None else self._now

    async def sleep(self, seconds: float) -> None:
        """Note the wait."""
        self.waits.append(seconds)
