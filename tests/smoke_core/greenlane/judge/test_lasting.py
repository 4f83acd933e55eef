"""What differs from run to run, or from one of a kind to the next, makes no cause of its own."""

from __future__ import annotations

import pytest

from greenlane.evidence.journal import Leaked
from greenlane.evidence.ledger import LeakEntry, Ledger
from greenlane.judge.acceptance import Acceptance, acceptable
from greenlane.judge.causes import group
from greenlane.judge.lasting import lasting
from greenlane.report.lines import row
from support.evidence import demand, failed, lane, outcome, skipped, verdict_on


@pytest.mark.parametrize(
    ("text", "lasts"),
    [
        ("threads:Thread-111 (serve)", "threads:Thread-* (serve)"),
        ("threads:worker-3", "threads:worker-*"),
        ("threads:ThreadPoolExecutor-0_12", "threads:ThreadPoolExecutor-*_*"),
        ("tasks:Task-7", "tasks:Task-*"),
        ("processes:sleep 600 (pid 4711)", "processes:sleep 600 (pid *)"),
        ("ports:127.0.0.1:45107", "ports:127.0.0.1:*"),
        ("ports:[::1]:54111", "ports:[::1]:*"),
        ("ports:/tmp/greenlane-xk/pytest/a0/app.sock", "ports:*"),
        ("ConnectionRefusedError: ('127.0.0.1', 51234)", "ConnectionRefusedError: ('127.0.0.1', *)"),
        ("no answer on port 40001", "no answer on port *"),
        ("<Invoker object at 0x7f93a1b2c3d0>", "<Invoker object at *>"),
        ("FileNotFoundError: '/tmp/pytest-of-me/pytest-3/test_a0/x.txt'", "FileNotFoundError: '*'"),
        ("modules:_module_templates_7fee89d8be10", "modules:_module_templates_*"),
        ("no blob 5ef70112d8c1a7e5a0b9", "no blob *"),
        ("no run 0b5bb8b0-4a3c-4f53-9a5d-7d0f9f3f8a11", "no run *"),
    ],
)
def test_what_varies_is_left_out(text: str, lasts: str) -> None:
    """Numbers that are counted or given out, addresses, and places of temporary files."""
    assert lasting(text) == lasts


@pytest.mark.parametrize(
    "text",
    [
        "assert 8 == 15", "ports:127.0.0.1:8080", "ports:127.0.0.1:11434",
        "containers:app.memo2", "attributes:app.Thread2.name",
        "modules:deadbeefcafe", "modules:app_7fee89d8",
        "socket.gaierror: [Errno -3] Temporary failure", "needs python 3.14", "tests/tmp/a.py", "connect 192.0.2.1:443",
    ],
)  # fmt: skip
def test_what_lasts_stays(text: str) -> None:
    """Numbers that somebody wrote, and names, tell one cause from another."""
    assert lasting(text) == text


def leaks(*whats: tuple[str, str]) -> dict[str, tuple[Leaked, ...]]:
    """Return the leaks of as many tests, by watcher and name, all at one line."""
    return {
        "leaks": tuple(
            Leaked(
                worker="main",
                at=1.0,
                nodeid=f"tests/test_a.py::test_{n}",
                watcher=watcher,
                what=what,
                after="x",
                where="t.py:9",
            )
            for n, (watcher, what) in enumerate(whats)
        )
    }


def test_numbered_threads_and_free_ports_are_one_cause_each() -> None:
    """Four threads of one line are one row with the first three tests; two ports are another."""
    threads = [("threads", f"Thread-{n} (serve)") for n in range(111, 115)]
    ports = [("ports", "127.0.0.1:45107"), ("ports", "127.0.0.1:54111")]
    causes = group(verdict_on(lane(outcome("test_ok"), journal=leaks(*threads, *ports))).violations)
    assert [len(cause.tests) for cause in causes] == [4, 2]
    assert row(causes[0]).endswith(
        "at t.py:9 (tests/test_a.py::test_0, tests/test_a.py::test_1, tests/test_a.py::test_2 and 1 more)"
    )


def test_the_temporary_folder_of_a_test_is_no_other_cause() -> None:
    """A file that is lacking at one line, each time in another folder, is one cause."""
    tests = [
        failed(f"test_{n}", cause=f"FileNotFoundError: '/tmp/p/test_{n}0/x'", path="tests/conftest.py", line=3)
        for n in range(5)
    ]
    assert [len(cause.tests) for cause in group(verdict_on(lane(*tests)).violations)] == [5]


def test_a_reason_that_a_mark_gives_everywhere_is_told_once() -> None:
    """Seven hundred skips at as many lines are one row; skips without a reason are told line by line."""
    marked = [
        skipped(f"test_{n:03}", reason="trio is not available", path="tests/test_a.py", line=n) for n in range(1, 701)
    ]
    silent = [skipped(f"test_s{n}", reason="", path="tests/test_b.py", line=n) for n in range(1, 3)]
    verdict = verdict_on(lane(outcome("test_ok"), *marked, *silent))
    causes = group(verdict.violations)
    assert [len(cause.tests) for cause in causes] == [700, 1, 1]
    assert row(causes[0]) == (
        "SKIPPED [core] 700 tests: skipped: trio is not available at tests/test_a.py:1 and 699 more places"
        " (tests/test_a.py::test_001, tests/test_a.py::test_002, tests/test_a.py::test_003 and 697 more)"
    )
    told = {(one.place, one.tests) for one in verdict.checks[0].skips}
    assert told == {("tests/test_a.py:1 and 699 more places", 700), ("tests/test_b.py:1", 1), ("tests/test_b.py:2", 1)}


def test_what_is_accepted_is_excused_in_the_next_run() -> None:
    """An entry for a thread or process names what lasts: the next run's number is another, and excused all the same."""
    first = lane(
        outcome("test_0"),
        outcome("test_1"),
        journal=leaks(("threads", "Thread-4 (serve)"), ("processes", "sleep 600 (pid 12)")),
    )
    accepted = acceptable(demand("core"), [first], Acceptance(why="w", since="2026-01-31", who="Ann"))
    assert [entry.what for entry in accepted.leaks] == ["threads:Thread-* (serve)", "processes:sleep 600 (pid *)"]
    again = lane(
        outcome("test_0"),
        outcome("test_1"),
        journal=leaks(("threads", "Thread-9 (serve)"), ("processes", "sleep 600 (pid 77)")),
    )
    assert not group(verdict_on(again, ledger=Ledger(leaks=accepted.leaks)).violations)
    other = LeakEntry(what="threads:Thread-4 (serve)", why="w", since="2026-01-31", who="Ann")
    assert group(verdict_on(again, ledger=Ledger(leaks=(other,))).violations)
