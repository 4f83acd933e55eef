"""Reads journals, for whoever follows, judges or stops a lane.

The file lies in the lane's reach, so anything may stand there: bytes that are no text, a pipe, a device without end.
Nothing of it raises and nothing waits: whoever reads may be about to stop the lane.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import msgspec

from greenlane.evidence.journal import AnyEvent, TestFinished, TestStarted

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for JSON that is damaged, of other fields, no UTF-8, or nested without end."""

LARGEST = 1 << 28
"""Bytes that are read of a journal; hundreds of thousands of tests need less."""


def journal_bytes(path: Path, offset: int = 0) -> bytes:
    """Return what a journal holds from an offset on.

    Raises:
        OSError: it is not there, is no file, or cannot be read.
    """
    # A pipe that nobody writes to would block whoever opens it to read.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no file")
        file.seek(offset)
        return file.read(LARGEST)


class JournalReader:
    """Reads a journal, each line once.

    Args:
        path: the journal; it need not be there yet.
        clean: takes out of a line what must not be shown.

    Attributes:
        damage: what was wrong with what has been read so far, a sentence each.
    """

    def __init__(self, path: Path, clean: Callable[[bytes], bytes] = bytes) -> None:
        self._path = path
        self._clean = clean
        self._decode = msgspec.json.Decoder(AnyEvent).decode
        self._offset = self._number = 0
        self._rest = b""
        self.damage: list[str] = []

    def read(self) -> list[AnyEvent]:
        """Return the events of the lines that have become whole since the last call."""
        try:
            content = journal_bytes(self._path, self._offset)
        except OSError:
            return []
        self._offset += len(content)
        *lines, self._rest = (self._rest + content).split(b"\n")
        return self._events(lines)

    def read_to_end(self) -> list[AnyEvent]:
        """Return the events of what has not been read yet; nobody writes any more, so half a line is damage."""
        name = self._path.name
        events = self.read()
        if not self._path.exists():
            self.damage.append(f"{name} is missing")
        elif not self._path.is_file():
            self.damage.append(f"{name} is no file")
        elif self._path.stat().st_size > self._offset:
            self.damage.append(f"{name} cannot be read to its end")
        if self._rest:
            self.damage.append(f"{name} ends in the middle of a line")
            events += self._events([self._rest])
            self._rest = b""
        return events

    def _events(self, lines: list[bytes]) -> list[AnyEvent]:
        events: list[AnyEvent] = []
        for line in lines:
            self._number += 1
            try:
                events.append(self._decode(self._clean(line)))
            except UNREADABLE as error:
                self.damage.append(f"{self._path.name} line {self._number} is damaged: {error}")
        return events


def running_tests(path: Path) -> tuple[str, ...]:
    """Return the tests that began and have not ended, oldest first, as a journal tells while it is written."""
    running: dict[str, None] = {}
    for event in JournalReader(path).read():
        if isinstance(event, TestStarted):
            running[event.nodeid] = None
        elif isinstance(event, TestFinished):
            running.pop(event.nodeid, None)
    return tuple(running)
