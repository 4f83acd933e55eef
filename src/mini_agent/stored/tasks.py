"""Work that goes on without its caller, by user and id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

__all__ = ["BackgroundTasks"]


class BackgroundTasks:
    """Runs a bounded number of tasks. most: of them at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}

    def start(self, user: str, name: str, work: Callable[[], Coroutine[None, None, None]]) -> bool:
        """Begin. work: what to do; it takes its own cancellation for an end. Returns: whether there was room for it."""
        if len(self._tasks) >= self._most:
            return False
        key = (user, name)
        task = asyncio.get_running_loop().create_task(work())
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._tasks.pop(key, None))
        return True

    async def cancel(self, user: str, name: str) -> None:
        """Cancel a task of a user, if there is one, and wait for its end."""
        task = self._tasks.get((user, name))
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def aclose(self) -> None:
        """Cancel all of them."""
        for user, name in list(self._tasks):
            await self.cancel(user, name)
