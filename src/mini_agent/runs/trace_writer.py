"""Lines for a file, written by a thread of its own: a disk that is slow costs lines, never answers."""

from __future__ import annotations

import asyncio
import fcntl
import os
import threading
from collections import deque
from collections.abc import Callable


class TraceWriter:
    """Appends lines to a file, in order.

    path: of the file; it is opened for each line, so that it may be moved away. make_line: turns what was handed over
    into the line, in the thread. on_drop: called for each line that is dropped. on_failure: for each that
    cannot be. held_bytes: most that waits for the disk; beyond that new lines are dropped.
    """

    def __init__(
        self,
        path: str,
        make_line: Callable[[bytes], bytes],
        *,
        on_drop: Callable[[], None],
        on_failure: Callable[[OSError], None],
        held_bytes: int,
    ) -> None:
        self._path = path
        self._make_line = make_line
        self._on_drop = on_drop
        self._on_failure = on_failure
        self._limit = held_bytes
        self._lines: deque[bytes] = deque()
        self._held = 0
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False

    def put(self, record: bytes) -> None:
        """Hand a record over, or drop it when too much waits already. Never waits for the disk."""
        with self._news:
            dropped = self._closing or self._held + len(record) > self._limit
            if not dropped:
                self._lines.append(record)
                self._held += len(record)
                self._news.notify()
                if self._thread is None:
                    # A daemon: a disk that never answers must not keep the process from ending.
                    self._thread = threading.Thread(target=self._write_all, name="traces", daemon=True)
                    self._thread.start()
        if dropped:
            self._on_drop()

    async def aclose(self, within_s: float = 2.0) -> None:
        """Write what waits, within this time in seconds; what is left then is dropped."""
        with self._news:
            self._closing = True
            self._news.notify()
            thread = self._thread
        if thread is not None:
            await asyncio.to_thread(thread.join, within_s)
        with self._news:
            left = len(self._lines)
            self._lines.clear()
        for _ in range(left):
            self._on_drop()

    def _write_all(self) -> None:
        while (record := self._next()) is not None:
            try:
                _append(self._path, self._make_line(record))
            except OSError as error:
                self._on_failure(error)

    def _next(self) -> bytes | None:
        """Returns: the oldest record, once there is one; None when there will be none."""
        with self._news:
            self._news.wait_for(lambda: self._lines or self._closing)
            if not self._lines:
                return None
            record = self._lines.popleft()
            self._held -= len(record)
            return record


def _append(path: str, line: bytes) -> None:
    """Append under a file lock, so that lines of several processes never mix."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        while line:
            line = line[os.write(descriptor, line) :]
    finally:
        os.close(descriptor)
