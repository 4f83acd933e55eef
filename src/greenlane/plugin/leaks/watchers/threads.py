"""Threads that go on running."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from concurrent.futures.thread import ThreadPoolExecutor
from typing import Any
from weakref import WeakKeyDictionary

from greenlane.plugin.leaks.change import ABSENT, Change, Clue, identity
from greenlane.plugin.leaks.context import Context, is_of_another
from greenlane.plugin.leaks.plain import class_values, code_of
from greenlane.plugin.network.audit import Side, Site

GRACE = 0.1
"""Seconds that a thread is given to come to its end."""


_POOL = ThreadPoolExecutor.submit.__code__.co_filename
_OTHERS = (Side.PRODUCT, Side.LIBRARY)
_DIGITS = re.compile(r"\d+")


class Threads:
    """Watches `threading.enumerate()`."""

    def __init__(self, context: Context) -> None:
        self._sites = context.sites
        self._known = threading.enumerate()
        self._started: WeakKeyDictionary[threading.Thread, tuple[threading.Thread, Site]] = WeakKeyDictionary()
        for event in ("_thread.start_new_thread", "_thread.start_joinable_thread"):
            context.events.on(event, self._heard)

    def _heard(self, function: Any, *_rest: object) -> None:
        thread = getattr(function, "__self__", None)
        if isinstance(thread, threading.Thread):
            self._started[thread] = (threading.current_thread(), self._sites.site(depth=3))

    def poll(self) -> Sequence[Change]:
        """Return the threads that were not there before."""
        now = threading.enumerate()
        if now == self._known:
            return ()
        known, self._known = self._known, now
        return [self._change(thread) for thread in now if thread not in known and not self._has_parent(thread)]

    def _has_parent(self, thread: threading.Thread) -> bool:
        """Whether another living thread started it: a server's or a pool's, whose owner answers for it."""
        started = self._started.get(thread)
        return started is not None and is_of_another(started[0])

    def _change(self, thread: threading.Thread) -> Change:
        def still() -> bool:
            thread.join(GRACE)
            return thread.is_alive()

        cancel = getattr(thread, "cancel", None)
        started = self._started.get(thread)
        site = started[1] if started is not None else None
        target = getattr(thread, "_target", None)
        # Not every Python tells of threads while they are started; what one runs shows whose it is.
        run = code_of(target) or code_of(class_values(type(thread)).get("run"))
        runs = self._sites.side(run.co_filename) if run is not None else None
        of_others = runs in _OTHERS or (site is not None and site.side in _OTHERS)
        return Change(
            thread.name,
            ABSENT,
            identity(thread),
            cancel if isinstance(thread, threading.Timer) else None,
            site=site,
            still=still,
            clue=Clue() if of_others else Clue(calls=("Thread", "Timer", "ThreadPoolExecutor")),
            made=(target, thread),
            # A thread that a library starts for itself lives as long as that library wants.
            inside=of_others or (run is not None and run.co_filename == _POOL),
            thing=f"{_DIGITS.sub('…', thread.name)}",
        )
