"""A queue of files that the shards of one run pull from: each file is claimed by one shard at a time.

A claimer shows that it lives by counting up; nobody compares clocks. Whoever waits and sees a count stand still for too
long returns all files of that claimer, the finished ones too: what it found out was not handed in and is lost with it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from greenlane.errors import ConfigError
from greenlane.history.database import reading, writing
from greenlane.history.store import insertion
from greenlane.history.tables import CLAIMERS, CLAIMS, QUEUES

KEPT = 7 * 86_400.0
"""Seconds after which a queue is of no use to anybody and is removed by the next that is made."""


class LostError(Exception):
    """This shard was taken for dead, or another run of it has begun; its files are others' now."""


class Pulse(msgspec.Struct, frozen=True):
    """A claimer that has not handed in: which run of a shard it is, and how far it has counted."""

    shard: str
    life: str
    beat: int


class Queue:
    """One shard's view of a queue.

    Args:
        name: of the queue, one for each lane of a run; shard: this one; life: this run of it.
    """

    def __init__(self, engine: sa.Engine, name: str, shard: str, life: str) -> None:
        self._engine = engine
        self._name = name
        self._shard = shard
        self._life = life

    def enter(self, collection: str, files: Sequence[str]) -> None:
        """Fill the queue if nobody has; take this shard's place, and return what an earlier run of it had.

        Args:
            collection: SHA-256 of all node ids and the state of the work tree.
            files: in the order in which they are given away.

        Raises:
            ConfigError: the queue was filled from another collection.
        """
        with writing(self._engine) as connection:
            self._fill(connection, collection, files)
            known = connection.execute(sa.select(QUEUES.c.collection).where(QUEUES.c.name == self._name)).scalar()
            if known != collection:
                raise ConfigError(
                    f"queue {self._name} holds the files of another collection, or of another state of the work tree",
                    "run every shard of the same commit; name a new queue for another run",
                )
            self._free(connection, self._shard)
            connection.execute(sa.delete(CLAIMERS).where(*self._me()))
            row = {"queue": self._name, "shard": self._shard, "life": self._life, "beat": 0, "closed": 0}
            connection.execute(CLAIMERS.insert(), [row])

    def _fill(self, connection: sa.Connection, collection: str, files: Sequence[str]) -> None:
        now = time.time()
        row = {"name": self._name, "collection": collection, "made_at": now}
        new = insertion(connection, QUEUES).values(row).on_conflict_do_nothing().returning(QUEUES.c.name)
        # Not the count of rows: PostgreSQL's driver has none for an insertion.
        if connection.execute(new).scalar() is None:
            return
        old = sa.select(QUEUES.c.name).where(QUEUES.c.made_at < now - KEPT)
        for table, column in ((CLAIMS, CLAIMS.c.queue), (CLAIMERS, CLAIMERS.c.queue), (QUEUES, QUEUES.c.name)):
            connection.execute(sa.delete(table).where(column.in_(old)))
        rows = [
            {"queue": self._name, "file": file, "place": place, "shard": "", "done": 0}
            for place, file in enumerate(files)
        ]
        if rows:
            connection.execute(CLAIMS.insert(), rows)

    def claim(self, done: str = "") -> str:
        """Hand in a finished file and take the next free one; empty when none is free now.

        Raises:
            LostError: this shard is no longer in the queue.
        """
        with writing(self._engine) as connection:
            self._alive(connection)
            if done:
                connection.execute(sa.update(CLAIMS).where(*self._mine(), CLAIMS.c.file == done).values(done=1))
            free = sa.select(CLAIMS.c.file).where(CLAIMS.c.queue == self._name, CLAIMS.c.shard == "")
            file: str | None = connection.execute(free.order_by(CLAIMS.c.place).limit(1)).scalar()
            if file is None:
                return ""
            taken = sa.update(CLAIMS).where(CLAIMS.c.queue == self._name, CLAIMS.c.file == file)
            connection.execute(taken.values(shard=self._shard))
            return file

    def left(self) -> int:
        """Return how many files nobody has finished, those that are being run included."""
        open_claims = sa.select(sa.func.count()).where(CLAIMS.c.queue == self._name, CLAIMS.c.done == 0)
        with reading(self._engine) as connection:
            return int(connection.execute(open_claims).scalar() or 0)

    def beat(self) -> None:
        """Show that this shard lives.

        Raises:
            LostError: this shard is no longer in the queue.
        """
        with writing(self._engine) as connection:
            self._alive(connection)

    def _alive(self, connection: sa.Connection) -> None:
        counted = sa.update(CLAIMERS).where(*self._me(), CLAIMERS.c.life == self._life)
        if connection.execute(counted.values(beat=CLAIMERS.c.beat + 1)).rowcount != 1:
            raise LostError

    def close(self) -> None:
        """Hand in: what this shard has finished is not returned any more.

        Raises:
            LostError: this shard is no longer in the queue.
        """
        with writing(self._engine) as connection:
            self._alive(connection)
            connection.execute(sa.update(CLAIMERS).where(*self._me()).values(closed=1))

    def others(self) -> list[Pulse]:
        """Return the other shards that have entered and not handed in."""
        others = sa.select(CLAIMERS.c.shard, CLAIMERS.c.life, CLAIMERS.c.beat).where(
            CLAIMERS.c.queue == self._name, CLAIMERS.c.shard != self._shard, CLAIMERS.c.closed == 0
        )
        with reading(self._engine) as connection:
            return [Pulse(*row) for row in connection.execute(others)]

    def bury(self, pulse: Pulse) -> bool:
        """Return the files of a shard that stands still; False when it has moved meanwhile."""
        same = (CLAIMERS.c.queue == self._name, CLAIMERS.c.shard == pulse.shard, CLAIMERS.c.life == pulse.life)
        with writing(self._engine) as connection:
            gone = sa.delete(CLAIMERS).where(*same, CLAIMERS.c.beat == pulse.beat, CLAIMERS.c.closed == 0)
            if connection.execute(gone).rowcount != 1:
                return False
            self._free(connection, pulse.shard)
            return True

    def _free(self, connection: sa.Connection, shard: str) -> None:
        returned = sa.update(CLAIMS).where(CLAIMS.c.queue == self._name, CLAIMS.c.shard == shard)
        connection.execute(returned.values(shard="", done=0))

    def _me(self) -> tuple[Any, Any]:
        return CLAIMERS.c.queue == self._name, CLAIMERS.c.shard == self._shard

    def _mine(self) -> tuple[Any, Any]:
        return CLAIMS.c.queue == self._name, CLAIMS.c.shard == self._shard


class Watch:
    """Notices which other shards stand still, by a clock of our own.

    Args:
        patience: seconds that a count may stand still.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._seen: dict[Pulse, float] = {}

    def dead(self, pulses: Sequence[Pulse], now: float) -> list[Pulse]:
        """Return those that have not moved for too long.

        Args:
            pulses: as they are now; now: seconds of a monotonic clock.
        """
        self._seen = {pulse: self._seen.get(pulse, now) for pulse in pulses}
        return [pulse for pulse, since in self._seen.items() if now - since > self._patience]
