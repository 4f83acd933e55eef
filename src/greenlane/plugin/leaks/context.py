"""What all watchers are given."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from greenlane.plugin.network.audit import AuditEvents, CallSites


def is_of_another(thread: threading.Thread) -> bool:
    """Whether a thread is neither the main one nor the one that asks, and still runs."""
    return thread is not threading.main_thread() and thread is not threading.current_thread() and thread.is_alive()


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a watcher may need to know of the lane.

    Attributes:
        project: absolute path of the project.
        artifacts: absolute path of the lane's artifacts.
        watch: import names of the packages whose modules are watched.
        events: what Python does; sites: finds the user's line.
        counted: whether dictionaries count their modifications here.
        arrived: root names of the packages that were imported since the last poll; the watcher of `sys.modules`,
            which is asked first, keeps it up to date for the others.
        alone: whether no other process runs tests of this lane at the same time.
        busy: whether a test is running; what happens outside of tests is nobody's leak.
    """

    project: str
    artifacts: str
    watch: tuple[str, ...]
    events: AuditEvents
    sites: CallSites
    counted: bool
    alone: bool = True
    arrived: set[str] = field(default_factory=set)
    busy: Callable[[], bool] = lambda: True

    def watches(self, module: str) -> bool:
        """Whether a module is in one of the watched packages."""
        return any(module == name or module.startswith(f"{name}.") for name in self.watch)
