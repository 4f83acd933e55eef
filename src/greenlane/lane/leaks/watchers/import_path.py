"""`sys.path`."""

from __future__ import annotations

import sys

from greenlane.lane.leaks.change import Clue, ValueWatcher
from greenlane.lane.leaks.context import Context


def make(_context: Context) -> ValueWatcher:
    """Return the watcher of `sys.path`."""

    def write(entries: tuple[str, ...]) -> None:
        sys.path[:] = entries

    return ValueWatcher("sys.path", lambda: (*sys.path,), write, Clue(assigned="path", calls=("addsitedir",)))
