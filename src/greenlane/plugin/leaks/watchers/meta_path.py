"""`sys.meta_path`: the finders of the import system."""

from __future__ import annotations

import sys
from typing import Any

from greenlane.plugin.leaks.change import Clue, ValueWatcher
from greenlane.plugin.leaks.context import Context


def make(context: Context) -> ValueWatcher:
    """Return the watcher of `sys.meta_path`."""

    def write(finders: tuple[Any, ...]) -> None:
        sys.meta_path[:] = finders

    def doubtful(before: tuple[Any, ...], after: tuple[Any, ...]) -> bool:
        # A package that was imported for the first time may bring a finder of its own (six, editable installs).
        added = [finder for finder in after if finder not in before]
        homes = {str(getattr(finder, "__module__", "")).partition(".")[0] for finder in added}
        return bool(added) and homes <= context.arrived and all(finder in after for finder in before)

    return ValueWatcher("sys.meta_path", lambda: (*sys.meta_path,), write, Clue(assigned="meta_path"), doubtful)
