"""The umask: permissions that new files do not get."""

from __future__ import annotations

import os

from greenlane.plugin.leaks.change import Clue, ValueWatcher
from greenlane.plugin.leaks.context import Context


class Mask(int):
    """A umask, shown as people write it."""

    def __repr__(self) -> str:
        return f"0o{self:03o}"


def make(_context: Context) -> ValueWatcher:
    """Return the watcher of the umask."""

    def read() -> Mask:
        # There is no way to read it but to set it; a file made in between by a thread has fewer permissions, not more.
        mask = os.umask(0o077)
        os.umask(mask)
        return Mask(mask)

    return ValueWatcher("umask", read, os.umask, Clue(calls=("umask",)))
