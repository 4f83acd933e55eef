"""What is stored is stored whole, once, and summed up right."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from greenlane.errors import ConfigError
from greenlane.evidence.history import DAY, RecordedTest
from greenlane.evidence.outcome import Outcome
from greenlane.history.database import asking, connect, reading, writing
from greenlane.history.flake_queries import past, run_counts, seen
from greenlane.history.prune import prune
from greenlane.history.queries import durations, latest_outcomes, latest_runs, trend_of_test
from greenlane.history.store import record
from greenlane.history.tables import DAYS, LANE_DAYS, METADATA, OUTCOMES, RUNS
from support.remembered import NOON, STEADY, TEST, ended, run_of, runs_of


def count(engine: sa.Engine, table: sa.Table) -> int:
    """Return how many rows a table has."""
    with reading(engine) as connection:
        number: int = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    return number


def test_the_migrations_make_the_tables(engine: sa.Engine) -> None:
    """The schema that the migrations leave is the one that the code reads."""
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_a_new_file_that_another_writes_is_waited_for(tmp_path: Path) -> None:
    """Shards open one history at the same time; SQLite refuses at once to have changes written ahead meanwhile."""
    path = tmp_path / "history.sqlite"
    with closing(sqlite3.connect(path, check_same_thread=False)) as other:
        other.executescript("CREATE TABLE theirs (one); BEGIN IMMEDIATE;")
        release = threading.Timer(0.05, other.rollback)
        release.start()
        engine = connect(f"sqlite:///{path}")
        release.join()

    assert count(engine, RUNS) == 0


def test_write_ahead(engine: sa.Engine) -> None:
    """SQLite writes ahead: a reader does not wait for a writer, and sees one state."""
    record(engine, [run_of(1)])
    with writing(engine) as writer, reading(engine) as reader:
        assert reader.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        writer.execute(RUNS.delete())
        assert reader.execute(sa.select(RUNS.c.run_id)).all() == [("run-0001",)]


def test_a_run_is_stored_once(engine: sa.Engine) -> None:
    """Recording a run again changes nothing, in rows or in sums; another shard of it is another."""
    run = run_of(1, ended("p"), ended("f", STEADY))
    assert [record(engine, [run]), record(engine, [run, run])] == [1, 0]
    assert record(engine, [run_of(1, shard="shard_b")]) == 1
    assert (count(engine, RUNS), count(engine, OUTCOMES)) == (2, 3)
    with reading(engine) as connection:
        assert run_counts(asking(connection), [("nd", TEST)], NOON + DAY, 7) == {("nd", TEST): 2}


def test_all_or_nothing(engine: sa.Engine) -> None:
    """A transaction that ends badly leaves nothing of it."""
    runs = [run_of(1), run_of(2, seed=2**70)]  # no database has a place for such a number
    with pytest.raises((ConfigError, OverflowError)):
        record(engine, runs)
    assert (count(engine, RUNS), count(engine, OUTCOMES)) == (0, 0)


def test_the_newest_pass_moves_the_duration(engine: sa.Engine) -> None:
    """The typical duration follows passes; a failure that takes a minute does not count."""
    record(engine, [run_of(1, ended("p", seconds=1.0)), run_of(2, ended("f", seconds=60.0))])
    record(engine, [run_of(3, ended("p", seconds=2.0)), run_of(4, ended("p", seconds=9.0), broken="drift")])
    with reading(engine) as connection:
        assert durations(connection).lanes == {"nd": {TEST: pytest.approx(1.3)}}


def test_a_test_that_has_gone_has_no_duration(engine: sa.Engine) -> None:
    """A test that its lane has not had for ninety days is left out of the plan."""
    record(engine, [run_of(0, ended("p")), run_of(24 * 91, ended("p", STEADY))])
    with reading(engine) as connection:
        assert list(durations(connection).lanes["nd"]) == [STEADY]


def test_past_outcomes_of_a_tree(engine: sa.Engine) -> None:
    """Other runs on the same tree are told with their keys; broken ones, other trees and the run itself are not."""
    record(engine, runs_of("pf"))
    record(engine, [run_of(7, ended("f", STEADY), broken="a worker crashed"), run_of(8, tree="tree-2")])
    with reading(engine) as connection:
        found = past(asking(connection), "nd", "tree-1", "run-0000")
        assert (found.passed, found.failed) == ({STEADY: "run-0001/nd"}, {TEST: "run-0001/nd"})
        assert past(asking(connection), "core", "tree-1", "").passed == {}


def test_days_are_summed_up(engine: sa.Engine) -> None:
    """A test's day counts passes, failures and the rest; one that was run again counts on both sides."""
    record(engine, runs_of("pfsb"))
    with reading(engine) as connection:
        (day,) = trend_of_test(connection, TEST, "", 0)
    assert (day.passed, day.failed, day.other, day.seconds) == (2, 2, 1, 2.0)


def test_the_newest_first(engine: sa.Engine) -> None:
    """Runs and outcomes are listed newest first, by the time at which they began and not at which they were stored."""
    record(engine, reversed(runs_of("pfp")))
    with reading(engine) as connection:
        assert [run.run for run in latest_runs(connection, "", 2)] == ["run-0002/nd", "run-0001/nd"]
        assert [row.outcome.value for row in latest_outcomes(connection, TEST, "nd", 9)] == [
            "passed",
            "failed",
            "passed",
        ]
        assert latest_outcomes(connection, TEST, "core", 9) == []


def test_samples_are_half_of_no_flake(engine: sa.Engine) -> None:
    """What is meant to vary is not looked at when flakes are searched."""
    sample = RecordedTest("t[sample1]", Outcome.FAILED, sample=True)
    record(engine, [run_of(1, sample), run_of(2, RecordedTest("t[sample1]", Outcome.PASSED, sample=True))])
    with reading(engine) as connection:
        assert seen(asking(connection), NOON + DAY, 7) == []


def test_prune_by_age(engine: sa.Engine) -> None:
    """Old runs go with their outcomes, sums and tests; a dry run only counts."""
    record(engine, [run_of(0, ended("p", "old")), run_of(24 * 30)])
    before = int(NOON // DAY) + 10
    for dry_run in (True, False):
        done = prune(engine, before, [], lambda text: None, dry_run=dry_run)
        assert (done.runs, done.outcomes, done.tests) == (1, 1, 1)
        assert count(engine, RUNS) == (2 if dry_run else 1)
    assert (count(engine, OUTCOMES), count(engine, DAYS), count(engine, LANE_DAYS)) == (1, 1, 1)


def test_prune_one_run(engine: sa.Engine) -> None:
    """A run that is known to be wrong is taken out of every sum that it went into."""
    record(engine, runs_of("pf"))
    assert prune(engine, 0, ["run-0001"], lambda text: None, dry_run=False).runs == 1
    with reading(engine) as connection:
        (day,) = trend_of_test(connection, TEST, "nd", 0)
        (lane,) = connection.execute(sa.select(LANE_DAYS.c.runs, LANE_DAYS.c.red, LANE_DAYS.c.passed)).all()
    assert (day.passed, day.failed, tuple(lane)) == (1, 0, (1, 0, 2))


def test_a_newer_schema_is_refused(engine: sa.Engine, tmp_path: Path) -> None:
    """A database that a newer greenlane has written is left alone."""
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match="has schema 9999; this greenlane knows 0002"):
        connect(f"sqlite:///{tmp_path}/history.sqlite")


def test_a_damaged_file(tmp_path: Path) -> None:
    """A file that is no database is named, and not overwritten."""
    path = tmp_path / "history.sqlite"
    path.write_bytes(b"not a database at all, though long enough to be read as one" * 20)
    with pytest.raises(ConfigError, match="not a database"):
        connect(f"sqlite:///{path}")
    assert path.read_bytes().startswith(b"not a database at all")


@pytest.mark.parametrize(
    ("url", "message"),
    [("mysql://host/x", "no database that is known; known: sqlite, postgresql"), ("what", "cannot be read")],
)
def test_a_wrong_address(url: str, message: str) -> None:
    """Other databases are refused by what is allowed."""
    with pytest.raises(ConfigError, match=message):
        connect(url)


WRITER = """
import sys
from greenlane.history.database import connect
from greenlane.history.store import record
from support.remembered import run_of, ended

engine = connect(sys.argv[1])
for number in range(10_000):
    record(engine, [run_of(number, *(ended("p", f"t{n}") for n in range(200)))])
    print(number, flush=True)
"""


def test_killed_while_it_writes(tmp_path: Path) -> None:
    """Of a writer that is killed, everything that it said is stored is there, and at most its last run more; whole."""
    url = f"sqlite:///{tmp_path}/history.sqlite"
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, url], env=environ, stdout=subprocess.PIPE, text=True
    ) as writer:  # fmt: skip
        assert writer.stdout is not None
        said = [int(writer.stdout.readline()) for _ in range(5)]
        writer.send_signal(signal.SIGKILL)
        said += [int(line) for line in writer.stdout.read().split()]
    engine = connect(url)
    stored = count(engine, RUNS)
    assert len(said) <= stored <= len(said) + 1
    assert count(engine, OUTCOMES) == 200 * stored
