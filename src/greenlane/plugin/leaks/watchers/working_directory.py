"""The working directory."""

from __future__ import annotations

import os

from greenlane.plugin.leaks.change import Clue, ValueWatcher
from greenlane.plugin.leaks.context import Context


def make(context: Context) -> ValueWatcher:
    """Return the watcher of the working directory."""

    def read() -> str:
        try:
            return os.getcwd()
        except FileNotFoundError:
            return "a folder that is no longer there"

    def heard(_path: object) -> None:
        if context.busy():
            watcher.site = context.sites.site(depth=3)

    watcher = ValueWatcher("cwd", read, os.chdir, Clue(calls=("chdir", "fchdir")), started=True)
    context.events.on("os.chdir", heard)
    return watcher
