"""Warnings filters."""

from __future__ import annotations

import warnings
from typing import Any

from greenlane.plugin.leaks.change import Clue, ValueWatcher
from greenlane.plugin.leaks.context import Context


def make(context: Context) -> ValueWatcher:
    """Return the watcher of `warnings.filters`."""

    def read() -> tuple[Any, ...]:
        return (*warnings.filters,)

    def write(filters: tuple[Any, ...]) -> None:
        warnings.filters[:] = filters  # type: ignore[index]  # it is a list; the stubs promise less
        with warnings.catch_warnings():
            # Entering and leaving tells the C code that the filters are others now.
            pass

    def importing(before: tuple[Any, ...], after: tuple[Any, ...]) -> bool:
        # A package that was imported for the first time may add filters of its own.
        return bool(context.arrived) and all(entry in after for entry in before)

    calls = ("simplefilter", "filterwarnings", "resetwarnings")
    clue = Clue(assigned="filters", calls=calls, owners=(warnings.filters,))
    return ValueWatcher("warnings", read, write, clue, importing)
