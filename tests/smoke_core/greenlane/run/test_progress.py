"""How far a lane has come, and what is left of it."""

from __future__ import annotations

import pytest

from greenlane.evidence.journal import Collected, CollectError, TestFinished
from greenlane.evidence.outcome import Outcome
from greenlane.run.progress import Tally, time_left


def collected(*names: str, worker: str = "gw0") -> Collected:
    """Return what a process found."""
    return Collected(worker=worker, at=1.0, tests=names, digest="d", selected=names)


def finished(name: str, outcome: Outcome = Outcome.PASSED, cause: str = "") -> TestFinished:
    """Return the end of a test."""
    return TestFinished(worker="gw0", at=2.0, nodeid=name, outcome=outcome, duration=0.1, cause=cause)


def test_every_worker_tells_the_same_collection() -> None:
    """Two workers that found the same tests are one collection."""
    tally = Tally("core", {}, 2)
    tally.add([collected("a", "b"), collected("a", "b", worker="gw1"), finished("a")])

    told = tally.progress(3.0, 1.0)
    assert (told.selected, told.done, told.bad, told.elapsed) == (2, 1, 0, 3.0)


def test_failures_are_told_once_as_they_come() -> None:
    """Failed tests and files that cannot be collected; a second report of the same end is no second failure."""
    tally = Tally("core", {}, 1)

    first = tally.add([collected("a", "b"), finished("a", Outcome.FAILED, "assert 0"), finished("b", Outcome.SKIPPED)])
    second = tally.add(
        [finished("a", Outcome.FAILED, "assert 0"), CollectError(worker="m", at=3.0, nodeid="t", cause="x")]
    )

    assert [(test.nodeid, test.cause) for test in (*first, *second)] == [("a", "assert 0"), ("t", "x")]
    told = tally.progress(1.0, 1.0)
    assert (told.done, told.bad, told.skipped) == (2, 1, 1)


def test_history_knows_what_is_left() -> None:
    """Nine of ten tests are done, and the tenth is as long as all of them: half the time is left."""
    names = [f"t{n}" for n in range(9)]
    tally = Tally("core", {**dict.fromkeys(names, 1.0), "long": 9.0}, 1)
    tally.add([collected(*names, "long"), *map(finished, names)])

    assert tally.progress(12.0, 10.0).left == pytest.approx(10.0)


def test_a_test_without_history_is_like_the_others() -> None:
    """It counts with the mean."""
    tally = Tally("core", {"a": 2.0, "b": 4.0}, 1)
    tally.add([collected("a", "b", "new"), finished("a"), finished("b")])

    assert tally.progress(9.0, 6.0).left == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("work", "worked", "running", "workers", "left"),
    [
        (0.0, 0.0, 5.0, 2, None),
        (100.0, 0.0, 0.0, 2, 50.0),
        (100.0, 0.0, 0.0, 0, None),
        (100.0, 1.0, 30.0, 2, 49.5),
        (100.0, 50.0, 20.0, 2, 20.0),
        (100.0, 100.0, 20.0, 2, 0.0),
        (100.0, 130.0, 20.0, 2, 0.0),
    ],
)
def test_the_pace_of_the_lane_counts_as_soon_as_it_has_one(
    work: float, worked: float, running: float, workers: int, left: float | None
) -> None:
    """Before that history, if there is any; without both nobody knows."""
    assert time_left(work, worked, running, workers) == left
