"""Work that goes on without its caller, by user and id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from mini_agent.stored.store import Bounds

_Key = tuple[str, str]


class BackgroundTasks:
    """Runs a bounded number of tasks, as nobody's connection bounds them. bounds: of what they hold."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._tasks: dict[_Key, asyncio.Task[None]] = {}
        self._sizes: dict[_Key, int] = {}

    def has_room(self, user: str, size: int) -> bool:
        """Returns: whether one more may begin, which may always be the only one. size: bytes that it holds."""
        held, bounds = list(self._sizes.values()), self._bounds
        own = [one for (owner, _), one in self._sizes.items() if owner == user]
        fits_all = len(held) < bounds.entries and sum(held) + size <= bounds.size
        fits_own = len(own) < bounds.user_entries and sum(own) + size <= bounds.user_size
        return (fits_all or not held) and (fits_own or not own)

    def start(self, user: str, name: str, size: int, work: Callable[[], Coroutine[None, None, None]]) -> bool:
        """Begin. size: bytes that the work holds. work: what to do; it takes its own cancellation for an end.

        Returns: whether there was room for it.
        """
        if not self.has_room(user, size):
            return False
        key = (user, name)
        task = asyncio.get_running_loop().create_task(work())
        self._tasks[key], self._sizes[key] = task, size
        task.add_done_callback(lambda _: self._forget(key))
        return True

    async def cancel(self, user: str, name: str) -> None:
        """Cancel a task of a user, if there is one, and wait for its end."""
        task = self._tasks.get((user, name))
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def _forget(self, key: _Key) -> None:
        del self._tasks[key], self._sizes[key]

    async def aclose(self) -> None:
        """Cancel all of them."""
        for user, name in list(self._tasks):
            await self.cancel(user, name)
