"""The socket between a lane process and its supervisor: one JSON object a line, in both directions."""

from __future__ import annotations

import os
import socket
from typing import TypeVar

import msgspec

from greenlane.evidence.search import CHANNEL_VARIABLE

T = TypeVar("T")


class Channel:
    """The lane's end of the socket.

    Args:
        descriptor: of the inherited socket.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._socket = socket.socket(fileno=descriptor)
        self._lines = self._socket.makefile("rb")

    def send(self, message: msgspec.Struct) -> None:
        """Send one message."""
        self._socket.sendall(msgspec.json.encode(message) + b"\n")

    def receive(self, kind: type[T]) -> T | None:
        """Return the next message; None when the other end is closed."""
        line = self._lines.readline()
        return msgspec.json.decode(line, type=kind) if line else None

    def close(self) -> None:
        """Close the socket."""
        self._lines.close()
        self._socket.close()


def inherited_channel() -> Channel | None:
    """Return the channel that the supervisor gave this process, once; None for none."""
    descriptor = os.environ.pop(CHANNEL_VARIABLE, "")
    return Channel(int(descriptor)) if descriptor else None
