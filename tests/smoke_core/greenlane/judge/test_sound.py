"""Which runs prove nothing about their tests."""

from __future__ import annotations

from typing import Any

import pytest

from greenlane.evidence.evidence import ServiceRecord
from greenlane.evidence.journal import Leaked
from greenlane.evidence.outcome import Outcome
from greenlane.judge.sound import broken_because, by_itself
from support.evidence import failed, lane, nd, outcome


def test_failures_do_not_break_a_run() -> None:
    """A red run is as sound as a green one."""
    assert broken_because(lane()) == ""
    assert broken_because(nd(failed())) == ""


BROKEN: dict[str, dict[str, Any]] = {
    "a worker crashed": {"journal": {"crashes": ("worker gw0 died",)}},
    "a test never ended": {"journal": {"open_tests": ("tests/test_a.py::test_x",)}},
    "the lane ran into its deadline": {"timed_out": True},
    "it was stopped": {"interrupted": True},
    "the environment had drifted": {"drift": ("pytest is missing",)},
    "the lane could not be run": {"failure": "no lock"},
    "a service was down": {"services": (ServiceRecord(name="gateway", failure="died"),)},
    "files changed": {"tree_after": "other"},
    "pytest ended with exit status 3": {"exit_status": 3},
    "its artifacts are damaged": {"damage": ("journal.jsonl was edited",)},
}


@pytest.mark.parametrize(("why", "fields"), BROKEN.items(), ids=BROKEN.keys())
def test_broken(why: str, fields: dict[str, Any]) -> None:
    """A run that went wrong itself says why nothing is concluded from it."""
    assert why in broken_because(nd(failed(), **fields))


def test_who_is_failed_for_a_leak_passed_by_itself() -> None:
    """The guard told of it; the words alone, which a project may say too, are no leak."""
    tests = [outcome(name, Outcome.ERROR, cause="Failed: LEAK cwd") for name in ("test_last", "test_says_so")]
    leak = Leaked(
        worker="main",
        at=1.0,
        nodeid=tests[0].nodeid,
        watcher="cwd",
        what="cwd",
        before="/a",
        after="/b",
        where="t.py:1",
    )
    ended = [how for _, how in by_itself(lane(*tests, journal={"leaks": (leak,)}).journal)]
    assert ended == [Outcome.PASSED, Outcome.ERROR]
