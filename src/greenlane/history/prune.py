"""Takes old runs out of the database, with everything that only they are about."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import sqlalchemy as sa

from greenlane.evidence.history import DAY
from greenlane.history.database import reading, writing
from greenlane.history.store import remove, take_back
from greenlane.history.tables import DAYS, LANE_DAYS, RUNS, TESTS

BATCH = 200
"""Runs that are removed in one transaction, so that writers wait for a moment only."""


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """What is removed, or with a dry run would be."""

    runs: int
    outcomes: int
    tests: int


def prune(engine: sa.Engine, before: int, keys: Sequence[str], say: Callable[[str], None], *, dry_run: bool) -> Pruned:
    """Remove the runs of days before one, or the named ones, with what was summed up of them.

    Args:
        before: first day that is kept, as days of UTC since 1970; 0 removes nothing by time.
        keys: names or keys of single runs that are known to be wrong.
        dry_run: count, and change nothing.
    """
    since = before * DAY
    old, named = RUNS.c.started_at < since, sa.or_(RUNS.c.key.in_(keys), RUNS.c.run_id.in_(keys))
    with reading(engine) as connection:
        by_time = _numbers(connection, old)
        by_name = _numbers(connection, sa.and_(named, sa.not_(old)))
        counted = sa.select(sa.func.coalesce(sa.func.sum(RUNS.c.tests), 0)).where(sa.or_(old, named))
        outcomes: int = connection.execute(counted).scalar_one()
        unseen = sa.select(sa.func.count()).select_from(TESTS).where(TESTS.c.seen_at < since)
        tests: int = connection.execute(unseen).scalar_one()
    if not dry_run:
        for start in range(0, len(by_time), BATCH):
            with writing(engine) as connection:
                remove(connection, by_time[start : start + BATCH])
            say(f"removed {min(start + BATCH, len(by_time))} of {len(by_time)} old runs")
        with writing(engine) as connection:
            for number in by_name:
                take_back(connection, number)
            remove(connection, by_name)
            connection.execute(DAYS.delete().where(DAYS.c.day < before))
            connection.execute(LANE_DAYS.delete().where(LANE_DAYS.c.day < before))
            connection.execute(TESTS.delete().where(TESTS.c.seen_at < since))
    return Pruned(runs=len(by_time) + len(by_name), outcomes=int(outcomes), tests=tests)


def _numbers(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> list[int]:
    """Return the numbers of runs."""
    return [number for (number,) in connection.execute(sa.select(RUNS.c.id).where(chosen).order_by(RUNS.c.id))]
