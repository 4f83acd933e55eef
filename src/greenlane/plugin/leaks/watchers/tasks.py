"""asyncio tasks that are still pending on a loop that is still open."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from greenlane.plugin.leaks.change import ABSENT, Change, Clue, identity
from greenlane.plugin.leaks.context import Context

REGISTRIES = ("_all_tasks", "_scheduled_tasks", "_eager_tasks")
"""Where `asyncio.tasks` keeps all tasks; the public `all_tasks` needs a loop, and a leak may be on any."""

CANCEL_SECONDS = 0.2
"""Seconds that a cancelled task is given to end."""


class Tasks:
    """Watches all tasks of all loops. It never imports asyncio."""

    def __init__(self, _context: Context) -> None:
        self._known: list[Any] = list(_pending())
        self._registries: list[Any] = []

    def poll(self) -> Sequence[Change]:
        """Return the pending tasks that were not there before."""
        if not self._registries:
            module = sys.modules.get("asyncio.tasks")
            found = (getattr(module, name, None) for name in REGISTRIES)
            # The plain set inside a WeakSet, whose own `len` is ten times slower.
            self._registries = [getattr(registry, "data", registry) for registry in found if registry is not None]
        if not self._known and not any(self._registries):
            return ()
        now = list(_pending())
        new = [task for task in now if task not in self._known]
        self._known = now
        return [_change(task) for task in new]


def _pending() -> Iterator[Any]:
    """Yield the tasks that nobody looks after any more.

    A loop that is running between tests runs in another thread. If the test started that thread, it is the leak, and
    named as a thread; otherwise a wider fixture owns it and its tasks, such as a server that waits on a connection.
    """
    module = sys.modules.get("asyncio.tasks")
    for name in REGISTRIES if module else ():
        for task in tuple(getattr(module, name, ())):
            loop = task.get_loop()
            if not task.done() and not loop.is_closed() and not loop.is_running():
                yield task


def _change(task: Any) -> Change:
    def pending() -> bool:
        return not task.done() and not task.get_loop().is_closed()

    def still() -> bool:
        if not pending():
            return False
        gc.collect()
        return pending()

    def cancel() -> None:
        loop = task.get_loop()
        task.cancel()
        if not loop.is_running():
            loop.run_until_complete(sys.modules["asyncio.tasks"].wait([task], timeout=CANCEL_SECONDS))

    coroutine = task.get_coro()
    name = getattr(coroutine, "__qualname__", "task")
    code = getattr(coroutine, "cr_code", None)
    return Change(
        f"{name} ({task.get_name()})",
        ABSENT,
        identity(task),
        cancel,
        clue=Clue(calls=("create_task", "ensure_future")),
        made=(code,) if code is not None else (),
        inside=code is not None,
        thing=name,
        still=still,
    )
