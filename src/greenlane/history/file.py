"""Asks the file of a history without SQLAlchemy. Whatever it cannot answer, the database is asked in the usual way."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from greenlane.history.flake_queries import Ask
from greenlane.history.stored import HEAD

BUSY_S = 1.0
"""How long a reader waits where a writer is just making the file anew (seconds); otherwise none waits for another.

Whoever is told that it is busy asks in the usual way, which has more patience."""


@contextmanager
def reading_file(path: Path) -> Iterator[Ask]:
    """Give who answers from one state of a file of SQLite.

    Raises:
        sqlite3.Error: the file is not there, is no database, or has another schema than ours.
    """
    # Only what is there is opened: to make a history is the work of who writes it.
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", timeout=BUSY_S, uri=True)) as connection:
        connection.isolation_level = None
        connection.execute("BEGIN")
        if connection.execute("SELECT version_num FROM alembic_version").fetchall() != [(HEAD,)]:
            raise sqlite3.DatabaseError(f"{path} has another schema")
        yield connection.execute
