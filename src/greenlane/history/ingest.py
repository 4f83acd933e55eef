"""Moves runs from the spool into the database, and renews the file of durations."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import sqlalchemy as sa

from greenlane.config.context import Context, silent
from greenlane.config.load import Settings
from greenlane.environment.exclusive import exclusive
from greenlane.errors import ConfigError
from greenlane.history import spool
from greenlane.history.database import address, connect, reading
from greenlane.history.queries import durations
from greenlane.history.store import record
from greenlane.util.files import write_atomically


def opened(context: Context) -> sa.Engine:
    """Return the database with everything in it that was waiting in the spool.

    Raises:
        ConfigError: the database cannot be opened or written.
    """
    engine = connect(address(context))
    ingest(context, engine)
    return engine


def ingest(context: Context, engine: sa.Engine) -> int:
    """Store what waits in the spool and return how many runs were new.

    A file is removed when its run is stored: whoever is killed in between leaves a file that is stored once more, which
    changes nothing.

    Raises:
        ConfigError: the database cannot be written; the files stay.
    """
    settings = context.settings
    folder = settings.root / settings.configuration.history.spool
    if not spool.waiting(folder):
        return 0
    new = 0
    with exclusive(settings.root / settings.configuration.history.lock, f"process {os.getpid()}", silent):
        for path in spool.waiting(folder):
            run = spool.read(path)
            if run is None:
                context.say(f"history: {spool.set_aside(path).name} is no recorded run; it is kept and left out")
                continue
            new += record(engine, [run])
            path.unlink()
        write_durations(settings, engine)
    spool.note_failure(folder, "")
    return new


def ingest_apart(context: Context) -> int:
    """Store what waits, in a process that nobody looks at: a failure is kept for the next command to say.

    Raises:
        ConfigError: the database cannot be opened or written.
    """
    try:
        return ingest(context, connect(address(context)))
    except ConfigError as error:
        settings = context.settings
        spool.note_failure(settings.root / settings.configuration.history.spool, error.message)
        raise


def write_durations(settings: Settings, engine: sa.Engine, target: Path | None = None) -> Path:
    """Write the file that shards are planned with, aside and then into place, and return its path."""
    path = target or settings.root / settings.configuration.history.durations
    with reading(engine) as connection:
        content = durations(connection)
    write_atomically(path, msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")
    return path
