"""One run at a time in an environment: the second waits, and says for whom."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def _try_lock(file: IO[str]) -> bool:
    """Take the lock without waiting; return whether it was free."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _wait_lock(file: IO[str]) -> None:
    """Take the lock, waiting for whoever holds it."""
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)


@contextmanager
def exclusive(path: Path, holder: str, say: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock file for the length of a `with` block.

    The kernel gives the lock back when its holder dies, however it dies.

    Args:
        path: the lock file; it stays there.
        holder: who we are, for the one who waits.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        if not _try_lock(file):
            file.seek(0)
            say(f"waiting for {file.read().strip() or 'another run'}, which uses {path.stem}")
            _wait_lock(file)
        file.seek(0)
        file.truncate()
        file.write(holder)
        file.flush()
        yield
