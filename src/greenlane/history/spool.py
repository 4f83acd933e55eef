"""Runs on their way into the database, one file each: whoever runs a lane writes one and never waits for a database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from greenlane.evidence.history import HISTORY_SCHEMA, RecordedRun
from greenlane.util.files import write_atomically

SUFFIX = ".run.json"
DAMAGED = ".damaged"
FAILURE = "last-failure.txt"
"""Why runs could not be stored last time, for the next command to say."""


def drop(folder: Path, run: RecordedRun) -> Path:
    """Write a run aside, move it into the spool and return its path.

    Raises:
        OSError: the folder cannot be written.
    """
    target = folder / f"{run.key.replace('/', '.')}{SUFFIX}"
    write_atomically(target, msgspec.json.encode(run))
    return target


def waiting(folder: Path) -> list[Path]:
    """Return the files of the spool, oldest run first."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def read(path: Path) -> RecordedRun | None:
    """Return a run of the spool; None for a file that is no such run, or that somebody else has stored meanwhile."""
    try:
        run = msgspec.json.decode(path.read_bytes(), type=RecordedRun)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return run if run.schema == HISTORY_SCHEMA else None


def set_aside(path: Path) -> Path:
    """Rename a damaged file, so that it is kept and not tried again; return its new path."""
    other = path.with_name(path.name + DAMAGED)
    os.replace(path, other)
    return other


def runs(folder: Path) -> Iterator[RecordedRun]:
    """Yield the readable runs of the spool."""
    yield from filter(None, map(read, waiting(folder)))


def note_failure(folder: Path, text: str) -> None:
    """Keep why runs could not be stored; an empty text takes an older reason back."""
    path = folder / FAILURE
    if text:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    else:
        path.unlink(missing_ok=True)


def last_failure(folder: Path) -> str:
    """Return why runs could not be stored last time; empty when they could."""
    try:
        return (folder / FAILURE).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
