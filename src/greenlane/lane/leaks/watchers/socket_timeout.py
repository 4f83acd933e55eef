"""The default timeout of sockets, seconds."""

from __future__ import annotations

import socket

from greenlane.lane.leaks.change import Clue, ValueWatcher
from greenlane.lane.leaks.context import Context


def make(_context: Context) -> ValueWatcher:
    """Return the watcher of the default socket timeout."""
    clue = Clue(calls=("setdefaulttimeout",))
    return ValueWatcher("socket timeout", socket.getdefaulttimeout, socket.setdefaulttimeout, clue)
