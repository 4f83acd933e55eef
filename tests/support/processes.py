"""Watching processes that a test caused but did not start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
from pathlib import Path


def ended(pid: int, within_s: float = 2.0) -> bool:
    """Returns: True when the process is gone, or ends within `within_s` seconds; a zombie has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], within_s)[0])
    finally:
        os.close(descriptor)


def carrying(mark: str) -> list[int]:
    """Returns: the processes of this machine that have a text in their command line, those of a sandbox included."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def read_pids(file: Path) -> list[int]:
    """Returns: the process ids that a tool wrote to a file."""
    return [int(pid) for pid in file.read_text().split()]


class Flag:
    """A named pipe that another process writes to, once, to tell that it has come that far."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    async def raised(self, within_s: float = 10.0) -> str:
        """Wait for the writer. Returns: what it wrote. Raises: TimeoutError."""
        loop = asyncio.get_running_loop()
        readable: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._descriptor, lambda: None if readable.done() else readable.set_result(None))
        try:
            await asyncio.wait_for(readable, within_s)
            return os.read(self._descriptor, 4096).decode()
        finally:
            loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
