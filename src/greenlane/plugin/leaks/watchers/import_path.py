"""`sys.path`."""

from __future__ import annotations

import os
import sys

from greenlane.plugin.leaks.change import Clue, ValueWatcher
from greenlane.plugin.leaks.context import Context


def make(context: Context) -> ValueWatcher:
    """Return the watcher of `sys.path`."""

    def write(entries: tuple[str, ...]) -> None:
        sys.path[:] = entries

    clue = Clue(assigned="path", calls=("addsitedir",), owners=(sys.path, sys))

    def importing(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
        return (bool(context.arrived) and all(entry in after for entry in before)) or _made_by_pytest(before, after)

    return ValueWatcher("sys.path", lambda: (*sys.path,), write, clue, importing)


def _made_by_pytest(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
    """Whether pytest may have done it: before the first test of a package it imports the package's `__init__.py`.

    In its default import mode it puts the folder that holds the package first.
    """
    added = after[: len(after) - len(before)]
    files = {getattr(module, "__file__", None) for name, module in list(sys.modules.items()) if "." not in name}
    homes = {os.path.dirname(os.path.dirname(file)) for file in files if file and file.endswith("__init__.py")}
    return after[len(added) :] == before and homes.issuperset(added)
