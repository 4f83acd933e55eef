"""Opens the database, SQLite in write-ahead mode or PostgreSQL, its schema up to date; translates its errors."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from greenlane.config.context import Context, silent
from greenlane.environment.exclusive import exclusive
from greenlane.errors import ConfigError
from greenlane.history.flake_queries import Ask
from greenlane.history.stored import HEAD

BUSY_MS = 60_000
"""How long a writer waits for the others of one database (milliseconds)."""

AGAIN_S = 0.01
"""After how long a new file is asked again whether changes can be written ahead (seconds)."""

CONNECT_S = 5
"""How long a connection to a server may take (seconds)."""

LOCK = 0x677265656E
"""Number of the advisory lock under which PostgreSQL's writers take turns: they touch the same sums."""


def address(context: Context) -> str:
    """Return the address of the database, as SQLAlchemy writes it: the shared one where there is one, else the file."""
    history = context.settings.configuration.history
    variable = history.url.removeprefix("env:")
    url = context.environ.get(variable, "").strip() if variable != history.url else history.url
    return url or f"sqlite:///{context.settings.root / history.path}"


def connect(url: str) -> sa.Engine:
    """Return an engine for an address, its schema up to date.

    Args:
        url: `sqlite:///path` or `postgresql://host/database`.

    Raises:
        ConfigError: there is no such kind of database, it cannot be reached, or a newer greenlane has written it.
    """
    engine = _engine(url)
    with translated(engine.url):
        version = _version(engine)
        if version != HEAD:
            _migrate(engine, version)
    return engine


def _engine(url: str) -> sa.Engine:
    """Return an engine that has not been used yet."""
    try:
        parsed = sa.make_url(url)
        kind = parsed.get_backend_name()
        if kind == "sqlite":
            return _sqlite(parsed)
        if kind in ("postgresql", "postgres"):
            drivername = "postgresql+psycopg"
            return sa.create_engine(
                parsed.set(drivername=drivername), poolclass=NullPool,
                connect_args={"connect_timeout": CONNECT_S},
            )  # fmt: skip
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"history: the driver {error.name} is not there", "pip install 'psycopg[binary]>=3.2'"
        ) from error
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigError("history: the address of the database cannot be read", "see docs/history.md") from error
    raise ConfigError(f"history: {kind} is no database that is known; known: sqlite, postgresql")


def _sqlite(url: sa.URL) -> sa.Engine:
    """Return an engine for a file, whose folder is made; transactions are ours to begin."""
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, poolclass=NullPool)
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    """Set up a new connection. Readers and one writer do not wait for each other; a killed process loses nothing."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    _write_ahead(connection)
    for pragma in ("synchronous=NORMAL", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Have changes written ahead, which a file remembers. Here SQLite does not wait for others by itself."""
    last = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > last:
                raise
            time.sleep(AGAIN_S)
        else:
            return


def _begin(connection: sa.Connection) -> None:
    """Begin a transaction; one that writes takes its turn at once, because it could not wait later."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Give a connection that sees one state of the database.

    Raises:
        ConfigError: the database cannot be reached or is damaged.
    """
    with translated(engine.url), engine.connect() as connection, connection.begin():
        yield connection


def asking(connection: sa.Connection) -> Ask:
    """Return who answers questions that are text."""
    return lambda question, values: connection.execute(sa.text(question), values).all()


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Give a connection whose changes are all made at the end of the block, or none of them. Writers take turns.

    Raises:
        ConfigError: the database cannot be reached, is full or is damaged.
    """
    with translated(engine.url), engine.connect() as plain:
        connection = plain.execution_options(writes=True)
        with connection.begin():
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {BUSY_MS}")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
            yield connection


@contextmanager
def translated(url: sa.URL) -> Iterator[None]:
    """Turn the database's errors into ours. The address is shown without its password."""
    try:
        yield
    except DBAPIError as error:
        first = (str(error.orig).strip() or type(error.orig).__name__).splitlines()[0]
        raise ConfigError(
            f"history: {_shown(url)}: {first}", "see whether it is there, and who may write it"
        ) from error
    except SQLAlchemyError as error:
        raise ConfigError(f"history: {_shown(url)}: {type(error).__name__}", "see docs/history.md") from error


def _shown(url: sa.URL) -> str:
    """Return an address without its password."""
    shown: str = url.render_as_string(hide_password=True)
    return shown


def _version(engine: sa.Engine) -> str:
    """Return the step of the schema that a database has; empty for none."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return ""
        version: Any = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        return str(version or "")


def _migrate(engine: sa.Engine, version: str) -> None:
    """Bring the schema up to date; of several processes that see an old one, one does it.

    Raises:
        ConfigError: the schema is newer than this harness.
    """
    if version > HEAD:
        raise ConfigError(
            f"history: {_shown(engine.url)} has schema {version}; this greenlane knows {HEAD}",
            "use the greenlane that wrote it, or a newer one",
        )
    if engine.dialect.name == "sqlite" and engine.url.database:
        with exclusive(Path(f"{engine.url.database}.migrating"), f"process {os.getpid()}", silent):
            _upgrade(engine)
    else:
        _upgrade(engine)


def _upgrade(engine: sa.Engine) -> None:
    """Run the migrations that are missing, all or none."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
