"""Writes the journal: each event is one whole line in one system call, so that many processes share a file."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import msgspec

from greenlane.model.journal import Event


class Journal:
    """The journal of one process.

    Args:
        path: the file that all processes of the lane append to.
        worker: name of this process in the journal.
    """

    def __init__(self, path: Path, worker: str) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        self._encode = msgspec.json.Encoder().encode
        self._worker = worker
        self._pid = os.getpid()

    def write(self, kind: type[Event], **fields: Any) -> None:
        """Append one event. A forked child of a test writes under a name of its own."""
        pid = os.getpid()
        worker = self._worker if pid == self._pid else f"{self._worker}-fork-{pid}"
        os.write(self._fd, self._encode(kind(worker=worker, at=time.time(), **fields)) + b"\n")

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
