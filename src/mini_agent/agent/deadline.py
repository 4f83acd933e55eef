"""A deadline around awaits, on a clock that a test can turn."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from mini_agent.core.ports import Clock

T = TypeVar("T")

#: Seconds that a cancelled await may use to clean up. A run must end within 0.5 s of its limit, whatever it waits for.
_CLEAN_UP_S = 0.3


class DeadlineExpired(Exception):
    """The time of the run is used up. Never leaves the agent package."""


class Deadline:
    """Bounds every await of a run by one moment.

    seconds: from now until the deadline; None sets none.
    """

    def __init__(self, clock: Clock, seconds: float | None) -> None:
        self._clock = clock
        self._ends = None if seconds is None else clock.monotonic() + seconds

    def check(self) -> None:
        """Raises: DeadlineExpired when the time is used up."""
        if self._ends is not None and self._clock.monotonic() >= self._ends:
            raise DeadlineExpired

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await `work`, but not beyond the deadline.

        When the deadline passes or the caller is cancelled, `work` is cancelled and given 0.3 s to clean up; one that
        ignores its cancellation is left behind, so that it cannot hold the run.

        Returns: what `work` returned. Raises: DeadlineExpired, or what `work` raised.
        """
        if self._ends is None:
            return await work
        task = asyncio.ensure_future(work)
        timer = asyncio.ensure_future(self._clock.sleep(max(0.0, self._ends - self._clock.monotonic())))
        try:
            await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise DeadlineExpired
        finally:
            await _settle(task, timer)


async def _settle(*tasks: asyncio.Future[Any]) -> None:
    pending = [task for task in tasks if not task.done()]
    for task in pending:
        task.add_done_callback(_retrieve)
        task.cancel()
    if pending:
        await asyncio.wait(pending, timeout=_CLEAN_UP_S)


def _retrieve(task: asyncio.Future[Any]) -> None:
    # The run has its outcome already; an error during clean-up must not surface as "never retrieved".
    if not task.cancelled():
        task.exception()
