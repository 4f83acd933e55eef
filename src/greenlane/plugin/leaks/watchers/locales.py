"""The locale."""

from __future__ import annotations

import locale

from greenlane.plugin.leaks.change import Clue, ValueWatcher
from greenlane.plugin.leaks.context import Context


def make(_context: Context) -> ValueWatcher:
    """Return the watcher of the locale, all categories."""

    def write(name: str) -> None:
        locale.setlocale(locale.LC_ALL, name)

    return ValueWatcher("locale", lambda: locale.setlocale(locale.LC_ALL), write, Clue(calls=("setlocale",)))
