"""Threads that go on running."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from greenlane.plugin.leaks.change import ABSENT, Change, Clue, identity
from greenlane.plugin.leaks.context import Context

GRACE = 0.1
"""Seconds that a thread is given to come to its end."""


class Threads:
    """Watches `threading.enumerate()`.

    Args:
        context: of the lane.
    """

    def __init__(self, context: Context) -> None:
        self._sites = context.sites
        self._known = threading.enumerate()
        self._started: WeakKeyDictionary[threading.Thread, tuple[threading.Thread, str]] = WeakKeyDictionary()
        for event in ("_thread.start_new_thread", "_thread.start_joinable_thread"):
            context.events.on(event, self._heard)

    def _heard(self, function: Any, *_rest: object) -> None:
        thread = getattr(function, "__self__", None)
        if isinstance(thread, threading.Thread):
            self._started[thread] = (threading.current_thread(), self._sites.here(depth=3))

    def poll(self) -> Sequence[Change]:
        """Return the threads that were not there before."""
        now = threading.enumerate()
        if now == self._known:
            return ()
        known, self._known = self._known, now
        return [self._change(thread) for thread in now if thread not in known and not self._has_parent(thread)]

    def _has_parent(self, thread: threading.Thread) -> bool:
        """Whether another living thread started it: a server's or a pool's, whose owner answers for it."""
        parent, _ = self._started.get(thread, (threading.main_thread(), ""))
        return parent is not threading.main_thread() and parent is not threading.current_thread() and parent.is_alive()

    def _change(self, thread: threading.Thread) -> Change:
        def still() -> bool:
            thread.join(GRACE)
            return thread.is_alive()

        cancel = getattr(thread, "cancel", None)
        return Change(
            thread.name,
            ABSENT,
            identity(thread),
            cancel if isinstance(thread, threading.Timer) else None,
            where=self._started.get(thread, (None, ""))[1],
            clue=Clue(calls=("start", "submit", "Thread", "Timer")),
            still=still,
        )
