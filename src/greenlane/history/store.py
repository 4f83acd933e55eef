"""Stores runs. One run is one transaction: it is there whole or not at all, and only once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from greenlane.evidence.history import DAY, RecordedRun, RecordedTest
from greenlane.evidence.outcome import Outcome
from greenlane.history.database import writing
from greenlane.history.stored import CHUNK, NUMBERS
from greenlane.history.tables import DAYS, FAILURES, LANE_DAYS, OUTCOMES, RUNS, TESTS

NEWEST = 0.3
"""Weight of the newest pass in a test's typical duration."""


def record(engine: sa.Engine, runs: Iterable[RecordedRun]) -> int:
    """Store runs in one transaction and return how many were new; one that is there already is left as it is.

    Raises:
        ConfigError: the database cannot be written; then none of them is stored.
    """
    with writing(engine) as connection:
        return sum(_record(connection, run) for run in runs)


def _record(connection: sa.Connection, run: RecordedRun) -> bool:
    """Store one run; return whether it was new."""
    tests = {test.test: test for test in run.tests}
    row = {
        "key": run.key, "run_id": run.run_id, "lane": run.lane, "shard": run.shard, "kind": run.kind, "tree": run.tree,
        "machine": run.machine, "seed": run.seed, "source": run.source, "started_at": run.started_at,
        "seconds": max(0.0, run.seconds), "broken": run.broken, "tests": len(tests),
        "failed": sum(test.outcome.bad for test in tests.values()),
    }  # fmt: skip
    new = connection.execute(insertion(connection, RUNS).values(row).on_conflict_do_nothing().returning(RUNS.c.id))
    run_id: int | None = new.scalar()
    if run_id is None:
        return False
    ids = _test_ids(connection, run, list(tests.values()))
    outcomes = [
        {
            "test_id": ids[test.test], "run_id": run_id, "outcome": NUMBERS[test.outcome], "both": int(test.both),
            "seconds": test.seconds,
        }
        for test in tests.values()
    ]  # fmt: skip
    _all(connection, OUTCOMES.insert(), outcomes)
    day = int(run.started_at // DAY)
    if not run.broken:
        telling = [t for t in tests.values() if (t.outcome.bad or t.both) and not t.sample]
        failures = [
            {"run_id": run_id, "test_id": ids[test.test], "at": run.started_at, "cause": test.cause} for test in telling
        ]
        _all(connection, FAILURES.insert(), failures)
        _add(connection, DAYS, [{"test_id": ids[t.test], "day": day, **_counted(t)} for t in tests.values()])
    _add(connection, LANE_DAYS, [_lane_day(run, tests.values(), day)])
    return True


def insertion(connection: sa.Connection, table: sa.Table) -> Any:
    """Return an insertion in the dialect of a database, which knows what to do about rows that are there."""
    # Each dialect is imported where it is spoken: the other one takes longer than all questions of a run.
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def _all(connection: sa.Connection, added: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Insert every row; nothing for none."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(added, rows)
        return
    from sqlalchemy.dialects import postgresql

    # A server is asked once for all rows, handed over as columns: that takes a fifth of the time.
    columns = [added.table.c[name] for name in rows[0]]
    arrays = [
        sa.bindparam(f"all_{c.name}", [row[c.name] for row in rows], type_=postgresql.ARRAY(c.type)) for c in columns
    ]
    given = sa.func.unnest(*arrays).table_valued(*(sa.column(c.name, c.type) for c in columns), name="given")
    connection.execute(added.from_select([c.name for c in columns], sa.select(*given.render_derived().c)))


def _test_ids(connection: sa.Connection, run: RecordedRun, tests: Sequence[RecordedTest]) -> dict[str, int]:
    """Return the number of each test by its name; new ones are added, typical durations move on."""
    rows = [
        {
            "lane": run.lane, "test": test.test, "seen_at": run.started_at,
            "seconds": test.seconds if test.outcome is Outcome.PASSED and not run.broken else None,
        }
        for test in tests
    ]  # fmt: skip
    added = insertion(connection, TESTS)
    newest = added.excluded.seconds
    mixed = sa.func.coalesce(TESTS.c.seconds + (newest - TESTS.c.seconds) * NEWEST, newest, TESTS.c.seconds)
    later = sa.case((added.excluded.seen_at > TESTS.c.seen_at, added.excluded.seen_at), else_=TESTS.c.seen_at)
    changes = {"seconds": mixed, "seen_at": later}
    _all(connection, added.on_conflict_do_update(index_elements=["lane", "test"], set_=changes), rows)
    ids: dict[str, int] = {}
    for start in range(0, len(tests), CHUNK):
        names = [test.test for test in tests[start : start + CHUNK]]
        asked = sa.select(TESTS.c.test, TESTS.c.id).where(TESTS.c.lane == run.lane, TESTS.c.test.in_(names))
        ids.update((name, number) for name, number in connection.execute(asked))
    return ids


def _counted(test: RecordedTest) -> dict[str, Any]:
    """Return what a test adds to a day; one that was run again and differed counts on both sides."""
    passed = test.outcome is Outcome.PASSED or (test.both and test.outcome.bad)
    failed = test.outcome.bad or (test.both and test.outcome is Outcome.PASSED)
    return {
        "passed": int(passed), "failed": int(failed), "other": int(not (passed or failed)), "seconds": test.seconds,
    }  # fmt: skip


def _lane_day(run: RecordedRun, tests: Iterable[RecordedTest], day: int) -> dict[str, Any]:
    """Return what a run adds to its lane's day."""
    counted = [_counted(test) for test in tests] if not run.broken else []
    sums = {name: sum(row[name] for row in counted) for name in ("passed", "failed", "other")}
    return {
        "lane": run.lane, "day": day, "runs": 1, "broken": int(bool(run.broken)), "red": int(sums["failed"] > 0),
        **sums, "seconds": max(0.0, run.seconds),
    }  # fmt: skip


def _add(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Add rows to a table of sums."""
    added = insertion(connection, table)
    keys = [column.name for column in table.primary_key]
    sums = {c.name: c + added.excluded[c.name] for c in table.columns if c.name not in keys}
    _all(connection, added.on_conflict_do_update(index_elements=keys, set_=sums), rows)


def take_back(connection: sa.Connection, number: int) -> None:
    """Take what a run added to sums back out of them; its own rows stay."""
    run = connection.execute(sa.select(RUNS).where(RUNS.c.id == number)).one()
    rows = connection.execute(sa.select(OUTCOMES).where(OUTCOMES.c.run_id == number)).all()
    words = {stored: outcome for outcome, stored in NUMBERS.items()}
    tests = {row.test_id: RecordedTest("", words[row.outcome], row.seconds, bool(row.both)) for row in rows}
    day = int(run.started_at // DAY)
    if not run.broken:
        counted = [{"test_id": i, "day": day, **_negative(_counted(test))} for i, test in tests.items()]
        _add(connection, DAYS, counted)
    recorded = RecordedRun(
        run_id="", lane=run.lane, started_at=run.started_at, seconds=run.seconds, broken=run.broken
    )  # fmt: skip
    sums = _lane_day(recorded, tests.values(), day)
    _add(connection, LANE_DAYS, [{**_negative(sums), "lane": run.lane, "day": day}])


def _negative(row: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers of a row with the other sign."""
    return {name: -value for name, value in row.items() if isinstance(value, int | float)}


def remove(connection: sa.Connection, numbers: Sequence[int]) -> None:
    """Remove runs and their outcomes."""
    for table, column in ((OUTCOMES, "run_id"), (FAILURES, "run_id"), (RUNS, "id")):
        connection.execute(table.delete().where(table.c[column].in_(numbers)))
