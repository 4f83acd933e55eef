"""History under load: many processes, real databases, no mercy."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
import sqlalchemy as sa

from greenlane.evidence.history import DAY
from greenlane.history.database import asking, connect, reading
from greenlane.history.flake_queries import past, run_counts, seen
from greenlane.history.queries import durations
from greenlane.history.store import record
from greenlane.history.tables import DAYS, LANE_DAYS, OUTCOMES, RUNS, TESTS
from greenlane.judge.flakes import flaky_tests
from support.remembered import NOON, TEST, ended, runs_of

WRITERS, BATCHES, BATCH = 8, 10, 1250
OUTCOMES_IN_ALL = WRITERS * BATCHES * BATCH

WRITER = """
import sys
from greenlane.history.database import connect
from greenlane.history.store import record
from support.remembered import ended, run_of

url, name, batches, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
engine = connect(url)
tests = tuple(ended("p" if n % 50 else "f", f"tests/test_a.py::test_{n}") for n in range(size))
for number in range(batches):
    run = run_of(number, *tests, run_id=f"{name}-{number}")
    record(engine, [run])
    print(number, flush=True)
"""


def writer(url: str, name: str, batches: int = BATCHES) -> subprocess.Popen[str]:
    """Start a process that stores so many runs and says the number of each when it is stored."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", WRITER, url, name, str(batches), str(BATCH)]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)


@pytest.mark.timeout(180)  # nine processes on two cores that others may use, too
def test_eight_writers_and_one_that_is_killed(url: str) -> None:
    """100,000 outcomes of eight processes: none lost, none twice; a ninth that is killed loses one run at most."""
    victim = writer(url, "victim", 10_000)
    writers = [writer(url, f"w{n}") for n in range(WRITERS)]
    assert victim.stdout is not None
    said = [victim.stdout.readline() for _ in range(3)]
    victim.send_signal(signal.SIGKILL)
    said += victim.stdout.read().splitlines()
    victim.stdout.close()
    victim.wait()
    for process in writers:
        assert process.communicate()[0].split() == [str(n) for n in range(BATCHES)]
        assert process.returncode == 0
    with reading(connect(url)) as connection:
        own = sa.select(sa.func.count()).select_from(OUTCOMES.join(RUNS, RUNS.c.id == OUTCOMES.c.run_id))
        theirs = RUNS.c.run_id.like("victim-%")
        assert connection.execute(own.where(~theirs)).scalar_one() == OUTCOMES_IN_ALL
        runs: int = connection.execute(sa.select(sa.func.count()).where(theirs)).scalar_one()
        assert len(said) <= runs <= len(said) + 1
        assert connection.execute(own.where(theirs)).scalar_one() == runs * BATCH
        summed = sa.select(sa.func.sum(DAYS.c.passed + DAYS.c.failed))
        assert connection.execute(summed).scalar_one() == OUTCOMES_IN_ALL + runs * BATCH
        assert connection.execute(sa.select(sa.func.sum(LANE_DAYS.c.runs))).scalar_one() == WRITERS * BATCHES + runs
        assert connection.execute(sa.select(sa.func.count()).select_from(TESTS)).scalar_one() == BATCH


def test_the_same_answers_from_every_database(url: str) -> None:
    """Recording twice, flakes, earlier outcomes, counts and durations are the same whatever the database is."""
    engine = connect(url)
    runs = runs_of("pfpfb")
    assert [record(engine, runs), record(engine, runs)] == [5, 0]
    with reading(engine) as connection:
        counts = run_counts(asking(connection), [("nd", TEST)], NOON + DAY, 7)
        ((told, flakes),) = flaky_tests(seen(asking(connection), NOON + DAY, 7), counts, NOON + DAY, 7)
        assert (told.test, told.runs, told.failures, len(flakes)) == (TEST, 6, 3, 3)
        assert past(asking(connection), "nd", "tree-1", "run-0004").failed == {TEST: "run-0003/nd"}
        assert durations(connection).lanes["nd"][TEST] == pytest.approx(0.5)
    assert ended("p").seconds == 0.5
