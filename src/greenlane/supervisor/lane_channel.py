"""Whoever talks with the lane's process while it runs: a thread of the supervisor, over a socket of their own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from greenlane.evidence.search import CHANNEL_VARIABLE
from greenlane.supervisor.plan import Plan


class LaneChannel:
    """The line to a lane process; none when nobody talks with it.

    Args:
        talk: called with our end of the socket, in a thread of its own, when the lane has started.
    """

    def __init__(self, talk: Callable[[socket.socket], None] | None) -> None:
        self._talk = talk
        self._ours: socket.socket | None = None
        self._theirs: socket.socket | None = None
        if talk is not None:
            self._ours, self._theirs = socket.socketpair()

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the lane process must inherit."""
        return (self._theirs.fileno(),) if self._theirs else ()

    @property
    def environment(self) -> dict[str, str]:
        """How the lane process learns of it."""
        return {CHANNEL_VARIABLE: str(self._theirs.fileno())} if self._theirs else {}

    def start(self) -> None:
        """Begin to talk; the lane's end is the lane's alone from now on."""
        if self._theirs and self._ours and self._talk:
            self._theirs.close()
            threading.Thread(target=self._talk, args=(self._ours,), daemon=True).start()


def channel_of(plan: Plan, say: Callable[[str], None]) -> LaneChannel:
    """Return the line to whoever a plan says talks with the lane while it runs: a search, or a queue."""
    search, pull = plan.search, plan.pull
    # Most lanes talk with nobody, and each has a supervisor that starts anew.
    if search is not None:
        from greenlane.supervisor.searching import Searching

        return LaneChannel(lambda end: Searching(search, end, say).run())
    if pull is not None:
        from greenlane.supervisor.pulling import Pulling

        return LaneChannel(lambda end: Pulling(pull, end, say).run())
    return LaneChannel(None)
