"""What history costs and how fast it answers: ten million outcomes, 50,000 cases of JUnit, a run of 10,000 tests.

    python benchmarks/history.py            # ten million outcomes, some minutes to fill
    python benchmarks/history.py --quick    # one million
    python benchmarks/history.py --keep DIR # fill once, ask again

Every row is taken in this run. `limit` is what the project promises; `ratio` is the time as a part of it.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import sqlalchemy as sa

from greenlane.config.schema import Quarantine
from greenlane.evidence.history import DAY, RecordedRun, RecordedTest
from greenlane.evidence.ledger import Ledger
from greenlane.evidence.outcome import Outcome
from greenlane.history import queries, spool
from greenlane.history.database import asking, connect, reading
from greenlane.history.flake_queries import flaky, past
from greenlane.history.junit import read_junit
from greenlane.history.store import record

TESTS, DAYS_BACK = 2000, 100
NOW = 1_750_000_000.0
REPEATS = 5
QUERY_MS, IMPORT_MS, RECORD_MS = 300.0, 5000.0, 50.0
CASES = 50_000


def fails(test: int, run: int) -> bool:
    """Whether a test failed in a run: one outcome in a hundred, most of them of the tenth of tests that are flaky."""
    return (test * 2_654_435_761 + run * 40_503) % (20 if test % 10 == 0 else 500) == 0


def fill(path: Path, outcomes: int) -> None:
    """Write so many outcomes, in the shape in which recording leaves them."""
    connect(f"sqlite:///{path}").dispose()
    runs = outcomes // TESTS
    at = [NOW - DAYS_BACK * DAY * (runs - n) / runs for n in range(runs)]
    base = sqlite3.connect(path)
    base.executescript("PRAGMA synchronous=OFF; PRAGMA cache_size=-400000; DROP INDEX outcomes_by_run;")
    columns = (
        "id, key, run_id, lane, shard, kind, tree, machine, seed, source, started_at, seconds, broken, tests, failed"
    )
    base.executemany(
        f"INSERT INTO runs ({columns}) VALUES (?, ?, ?, 'nd', '', 'nondeterministic', ?, ?, 0, '', ?, 60.0, '', ?, 20)",
        ((n + 1, f"r{n}/nd", f"r{n}", f"tree{n // 5}", f"ci-{n % 7}", at[n], TESTS) for n in range(runs)),
    )
    names = ((t + 1, "nd", f"tests/nd/test_{t // 20}.py::test_{t}", 0.5, NOW) for t in range(TESTS))
    base.executemany("INSERT INTO tests (id, lane, test, seconds, seen_at) VALUES (?, ?, ?, ?, ?)", names)

    def rows() -> Iterator[tuple[int, int, int, int, float]]:
        for test in range(TESTS):
            for run in range(runs):
                yield test + 1, run + 1, int(fails(test, run)), 0, 0.5

    base.executemany("INSERT INTO outcomes (test_id, run_id, outcome, both, seconds) VALUES (?, ?, ?, ?, ?)", rows())
    base.executescript(f"""
        CREATE INDEX outcomes_by_run ON outcomes (run_id);
        INSERT INTO failures (run_id, test_id, at, cause)
            SELECT o.run_id, test_id, started_at, 'AssertionError: boom'
            FROM outcomes AS o JOIN runs ON runs.id = o.run_id WHERE outcome = 1;
        INSERT INTO days (test_id, day, passed, failed, other, seconds)
            SELECT test_id, CAST(started_at / {DAY} AS INTEGER) AS at, SUM(outcome = 0), SUM(outcome = 1), 0,
                SUM(o.seconds)
            FROM outcomes AS o JOIN runs ON runs.id = o.run_id GROUP BY test_id, at;
        INSERT INTO lane_days (lane, day, runs, broken, red, passed, failed, other, seconds)
            SELECT 'nd', day, {runs // DAYS_BACK}, 0, 1, SUM(passed), SUM(failed), 0, SUM(seconds)
            FROM days GROUP BY day;
        ANALYZE;
    """)
    base.commit()
    base.close()


def median_ms(use: Callable[[], object], repeats: int = REPEATS) -> tuple[float, float]:
    """Return the median of several times on the wall, and of the processor's time, in milliseconds."""
    taken = []
    for _ in range(repeats):
        began, worked = time.perf_counter(), time.process_time()
        use()
        taken.append(((time.perf_counter() - began) * 1000, (time.process_time() - worked) * 1000))
    wall, cpu = zip(*taken, strict=True)
    return statistics.median(wall), statistics.median(cpu)


def questions(engine: sa.Engine) -> dict[str, Callable[[], object]]:
    """Return every question that a command asks."""
    test, since = "tests/nd/test_5.py::test_110", int((NOW - 30 * DAY) // DAY)

    def ask(use: Callable[[sa.Connection], object]) -> Callable[[], object]:
        def asked() -> object:
            with reading(engine) as connection:
                return use(connection)

        return asked

    return {
        "history show": ask(lambda c: queries.latest_runs(c, "", 20)),
        "history show --lane": ask(lambda c: queries.latest_runs(c, "nd", 20)),
        "history show NODEID": ask(lambda c: queries.latest_outcomes(c, test, "", 20)),
        "history trend": ask(lambda c: queries.trend_of_lane(c, "nd", since)),
        "history trend NODEID": ask(lambda c: queries.trend_of_test(c, test, "", since)),
        "history export": ask(queries.durations),
        "flakes list": ask(lambda c: flaky(asking(c), Quarantine(), Ledger(), NOW)),
        "flakes promote": ask(lambda c: queries.evidence_since(c, "nd", test, since)),
        "earlier outcomes of a tree": ask(lambda c: past(asking(c), "nd", "tree7", "r35")),
        "a run of 2,000 is recorded": lambda: record(engine, [one_run(TESTS, time.perf_counter())]),
    }


def one_run(tests: int, number: float) -> RecordedRun:
    """Return a run of so many tests."""
    told = tuple(RecordedTest(f"tests/nd/test_{t // 20}.py::test_{t}", Outcome.PASSED, 0.5) for t in range(tests))
    return RecordedRun(run_id=f"new{number}", lane="nd", tree="new", started_at=NOW, seconds=60.0, tests=told)


def report_of(cases: int, path: Path) -> Path:
    """Write a JUnit file."""
    lines = (f'<testcase classname="tests.test_{n // 50}" name="test_{n}" time="0.01"/>' for n in range(cases))
    path.write_text(f'<testsuites><testsuite name="pytest">{"".join(lines)}</testsuite></testsuites>')
    return path


def leave_behind(folder: Path) -> None:
    """Do what a lane waits for: write the spool's file, start the process that will store it."""
    spool.drop(folder, one_run(10_000, 0.0))
    child = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    CHILDREN.append(child)


CHILDREN: list[subprocess.Popen[bytes]] = []


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one million outcomes instead of ten")
    parser.add_argument("--keep", default="", metavar="DIR", help="folder of a database that is filled once")
    arguments = parser.parse_args()
    outcomes = 1_000_000 if arguments.quick else 10_000_000
    with tempfile.TemporaryDirectory(prefix="greenlane-history-") as scratch:
        folder = Path(arguments.keep or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"history-{outcomes}.sqlite"
        if not path.exists():
            began = time.perf_counter()
            fill(path, outcomes)
            print(
                f"filled {outcomes:,} outcomes in {time.perf_counter() - began:.0f} s, {path.stat().st_size >> 20} MiB"
            )
        print(f"load {os.getloadavg()[0]:.1f}; {'what':<34}{'ms':>10}{'cpu ms':>8}{'limit':>8}{'ratio':>8}")
        engine = connect(f"sqlite:///{path}")
        rows = [(name, median_ms(use), QUERY_MS) for name, use in questions(engine).items()]
        report = report_of(CASES, Path(scratch) / "report.xml")
        rows.append(("50,000 cases read", median_ms(lambda: read_junit([report], lane="x", known={})), IMPORT_MS))
        rows.append(("  beside ElementTree.parse", median_ms(lambda: ElementTree.parse(report)), IMPORT_MS))
        taken = read_junit([report], lane="x", known={}, run_id=f"import{time.time()}")
        rows.append(("50,000 cases stored", median_ms(lambda: record(engine, [taken]), repeats=1), IMPORT_MS))
        rows.append(("a lane of 10,000 tests waits", median_ms(lambda: leave_behind(Path(scratch))), RECORD_MS))
        for name, (wall, cpu), limit in rows:
            print(f"{name:<34}{wall:>20.1f}{cpu:>8.1f}{limit:>8.0f}{wall / limit:>8.2f}")
    for child in CHILDREN:
        child.wait()


if __name__ == "__main__":
    main()
