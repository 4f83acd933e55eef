"""The default timeout of sockets, seconds."""

from __future__ import annotations

import socket

from greenlane.plugin.leaks.change import Clue, ValueWatcher
from greenlane.plugin.leaks.context import Context


def make(_context: Context) -> ValueWatcher:
    """Return the watcher of the default socket timeout."""
    clue = Clue(calls=("setdefaulttimeout",))
    return ValueWatcher("socket timeout", socket.getdefaulttimeout, socket.setdefaulttimeout, clue)
