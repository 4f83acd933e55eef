"""Writes the journal: each event is one whole line in one system call, so that many processes share a file."""

from __future__ import annotations

import itertools
import os
import time
from os import write
from pathlib import Path
from typing import Any, Protocol

import msgspec

from greenlane.evidence.journal import Event
from greenlane.evidence.seals import with_seal


class Writer(Protocol):
    """Who takes events."""

    def write(self, kind: type[Event], **fields: Any) -> None:
        """Take one event."""


class Journal:
    """The journal of one process.

    Args:
        path: the file that all processes of the lane append to.
        worker: name of this process in the journal.
        key: what lines are sealed with; empty for a lane that is run by hand, whose lines have no seal.
            None: it is not known yet, and lines wait for it.
    """

    def __init__(self, path: Path, worker: str, key: bytes | None = b"") -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        self._encode = msgspec.json.Encoder().encode
        self._worker = worker
        self._pid = os.getpid()
        self._numbers = itertools.count()
        self._key = key
        self._waiting: list[bytes] = []

    def unlock(self, key: bytes) -> None:
        """Take the key, and write what waited for it; a key that is known already stays."""
        if self._key is not None:
            return
        self._key = key
        for body in self._waiting:
            self._append(body)
        self._waiting.clear()

    def write(self, kind: type[Event], **fields: Any) -> None:
        """Append one event. A forked child of a test writes under a name of its own."""
        pid = os.getpid()
        if pid != self._pid:
            self._worker, self._pid, self._numbers = f"{self._worker}-fork-{pid}", pid, itertools.count()
        self._append(self._encode(kind(worker=self._worker, at=time.time(), seq=next(self._numbers), **fields)))

    def _append(self, body: bytes) -> None:
        """Write one line, or keep it until the key is there."""
        if self._key is None:
            self._waiting.append(body)
            return
        # By name: a test may have replaced `os.write` to find what blocks its loop.
        write(self._fd, (with_seal(body, self._key) if self._key else body) + b"\n")

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
