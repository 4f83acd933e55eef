"""`sys.meta_path`: the finders of the import system."""

from __future__ import annotations

import sys
from typing import Any

from greenlane.plugin.leaks.change import Clue, Identity, ValueWatcher
from greenlane.plugin.leaks.context import Context
from greenlane.plugin.leaks.plain import class_module, is_class


def make(context: Context) -> ValueWatcher:
    """Return the watcher of `sys.meta_path`."""

    def read() -> tuple[Any, ...]:
        return tuple(map(Identity, sys.meta_path))

    def write(finders: tuple[Any, ...]) -> None:
        sys.meta_path[:] = [finder.value for finder in finders]

    def added(before: tuple[Any, ...], after: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(finder.value for finder in after if finder not in before)

    def importing(before: tuple[Any, ...], after: tuple[Any, ...]) -> bool:
        # A package that was imported for the first time may bring a finder of its own (six, editable installs).
        new = added(before, after)
        homes = {class_module(one if is_class(one) else type(one)).partition(".")[0] for one in new}
        return bool(new) and homes <= context.arrived and all(finder in after for finder in before)

    clue = Clue(assigned="meta_path", owners=(sys.meta_path, sys))
    return ValueWatcher("sys.meta_path", read, write, clue, importing, added)
