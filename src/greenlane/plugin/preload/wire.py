"""Orders from a lane's controller to the process that forks its workers: JSON, and descriptors beside it."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from typing import Any

HEAD = 8
"""Bytes that say how long a message is."""

DESCRIPTORS = 4
"""A worker's standard input, output and error output, and where its end is told."""


def send(end: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one message.

    Raises:
        OSError: nobody is there any more.
    """
    body = json.dumps(message).encode()
    # Descriptors go with the first byte; the rest may need several calls.
    socket.send_fds(end, [len(body).to_bytes(HEAD, "big")], descriptors)
    end.sendall(body)


def receive(end: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """Return the next message with its descriptors; None when the other side is gone."""
    head, descriptors, _, _ = socket.recv_fds(end, HEAD, DESCRIPTORS)
    if not head:
        return None, []
    body = _exactly(end, int.from_bytes(head + _exactly(end, HEAD - len(head)), "big"))
    message: dict[str, Any] = json.loads(body)
    return message, descriptors


def _exactly(end: socket.socket, size: int) -> bytes:
    """Return the next bytes.

    Raises:
        EOFError: the other side is gone before it has said all.
    """
    text = b""
    while len(text) < size:
        piece = end.recv(size - len(text))
        if not piece:
            raise EOFError("a message has no end")
        text += piece
    return text
