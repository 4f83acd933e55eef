"""Questions to the database. Each is answered from an index or a sum, however long the history is."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from greenlane.evidence.history import DAY
from greenlane.evidence.outcome import Outcome
from greenlane.history.stored import NUMBERS
from greenlane.history.tables import DAYS, FAILURES, LANE_DAYS, OUTCOMES, RUNS, TESTS
from greenlane.sharding.plan import Durations

KEPT_DAYS = 90
"""A test that was not seen for so long before the newest one of its lane has no duration any more."""

WORDS = {number: outcome for outcome, number in NUMBERS.items()}


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run, without its tests. Times are Unix seconds."""

    run: str
    lane: str
    shard: str
    tree: str
    machine: str
    seed: int
    source: str
    started_at: float
    seconds: float
    tests: int
    failed: int
    broken: str


class TestRow(msgspec.Struct, frozen=True, kw_only=True):
    """A test in one run; `both` when it was run again within it and ended differently."""

    __test__ = False

    run: str
    lane: str
    started_at: float
    tree: str
    machine: str
    seed: int
    outcome: Outcome
    both: bool
    seconds: float
    cause: str
    broken: str


class DayRow(msgspec.Struct, frozen=True, kw_only=True):
    """A day of UTC (days since 1970): of a lane, `runs`, `red` and `broken` count runs; of a test they are 0."""

    day: int
    passed: int
    failed: int
    other: int
    seconds: float
    runs: int = 0
    red: int = 0
    broken: int = 0


def durations(connection: sa.Connection) -> Durations:
    """Return the typical duration of every test that is still around."""
    newest = sa.select(TESTS.c.lane, sa.func.max(TESTS.c.seen_at).label("at")).group_by(TESTS.c.lane).subquery()
    asked = (
        sa.select(TESTS.c.lane, TESTS.c.test, TESTS.c.seconds)
        .join(newest, newest.c.lane == TESTS.c.lane)
        .where(TESTS.c.seconds.is_not(None), TESTS.c.seen_at >= newest.c.at - KEPT_DAYS * DAY)
        .order_by(TESTS.c.lane, TESTS.c.test)
    )
    lanes: dict[str, dict[str, float]] = {}
    for lane, test, seconds in connection.execute(asked):
        lanes.setdefault(lane, {})[test] = round(seconds, 6)
    return Durations(lanes=lanes)


def evidence_since(connection: sa.Connection, lane: str, test: str, day: int) -> tuple[int, int, int]:
    """Return how often a test passed and failed since a day (days since 1970), and on how many days it passed."""
    asked = sa.select(DAYS.c.passed, DAYS.c.failed).join(TESTS, TESTS.c.id == DAYS.c.test_id)
    rows = list(connection.execute(asked.where(TESTS.c.lane == lane, TESTS.c.test == test, DAYS.c.day >= day)))
    passes, failures = (int(sum(row[side] for row in rows)) for side in (0, 1))
    return passes, failures, sum(1 for row in rows if row[0])


def latest_runs(connection: sa.Connection, lane: str, limit: int) -> list[RunRow]:
    """Return the newest runs, of one lane or (empty) of all."""
    columns = (RUNS.c.key.label("run"), *(RUNS.c[name] for name in RunRow.__struct_fields__ if name != "run"))
    asked = sa.select(*columns).order_by(RUNS.c.started_at.desc(), RUNS.c.id.desc()).limit(limit)
    asked = asked.where(RUNS.c.lane == lane) if lane else asked
    return [RunRow(**row._mapping) for row in connection.execute(asked)]


def latest_outcomes(connection: sa.Connection, test: str, lane: str, limit: int) -> list[TestRow]:
    """Return the newest outcomes of a test, in one lane or (empty) in all."""
    own = sa.select(TESTS.c.id, TESTS.c.lane).where(TESTS.c.test == test)
    numbers = [number for number, name in connection.execute(own) if not lane or name == lane]
    of_run = [RUNS.c[name] for name in ("lane", "started_at", "tree", "machine", "seed", "broken")]
    rows: list[TestRow] = []
    for number in numbers:
        newest = (
            sa.select(OUTCOMES).where(OUTCOMES.c.test_id == number).order_by(OUTCOMES.c.run_id.desc()).limit(limit)
        ).subquery()
        asked = (
            sa.select(RUNS.c.key.label("run"), *of_run, newest.c.outcome, newest.c.both, newest.c.seconds)
            .add_columns(sa.func.coalesce(FAILURES.c.cause, "").label("cause"))
            .select_from(newest)
            .join(RUNS, RUNS.c.id == newest.c.run_id)
            .outerjoin(FAILURES, sa.and_(FAILURES.c.run_id == RUNS.c.id, FAILURES.c.test_id == number))
        )
        found = connection.execute(asked)
        rows += [TestRow(**{**r._mapping, "outcome": WORDS[r.outcome], "both": bool(r.both)}) for r in found]
    return sorted(rows, key=lambda row: (-row.started_at, row.run))[:limit]


def trend_of_lane(connection: sa.Connection, lane: str, since: int) -> list[DayRow]:
    """Return the days of a lane, oldest first."""
    columns = [LANE_DAYS.c[name] for name in DayRow.__struct_fields__]
    asked = sa.select(*columns).where(LANE_DAYS.c.lane == lane, LANE_DAYS.c.day >= since).order_by(LANE_DAYS.c.day)
    return [DayRow(**row._mapping) for row in connection.execute(asked)]


def trend_of_test(connection: sa.Connection, test: str, lane: str, since: int) -> list[DayRow]:
    """Return the days of a test, oldest first, in one lane or (empty) in all together."""
    sums = [sa.func.sum(DAYS.c[name]) for name in ("passed", "failed", "other", "seconds")]
    asked = sa.select(DAYS.c.day, *sums).join(TESTS, TESTS.c.id == DAYS.c.test_id)
    asked = asked.where(TESTS.c.test == test, DAYS.c.day >= since)
    asked = (asked.where(TESTS.c.lane == lane) if lane else asked).group_by(DAYS.c.day).order_by(DAYS.c.day)
    return [
        DayRow(day=day, passed=int(passed), failed=int(failed), other=int(other), seconds=seconds)
        for day, passed, failed, other, seconds in connection.execute(asked)
    ]


def known_tests(connection: sa.Connection, lane: str) -> list[str]:
    """Return the names of every test that a lane has had."""
    return [name for (name,) in connection.execute(sa.select(TESTS.c.test).where(TESTS.c.lane == lane))]
