"""What is a flake: same test, same tree, both outcomes; when; and with which others."""

from __future__ import annotations

import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from greenlane.evidence.history import DAY, Seen
from greenlane.judge.flakes import clusters, explain, flakes_of, flaky_tests, recent

NOON = 1_750_000_000.0
TEST = "tests/test_a.py::test_x"


def seen(word: str, at: float = NOON, **fields: Any) -> Seen:
    """Return a sight of the test: `p` passed, `f` failed, `b` both, run again within the run."""
    told = {"test": TEST, "lane": "nd", "at": at, "run": f"r{at:.0f}", "tree": "t1", **fields}
    return Seen(**told, passed=word in "pb", failed=word in "fb")


def run(words: str, **fields: Any) -> list[Seen]:
    """Return one sight an hour."""
    return [seen(word, NOON + 3600 * hour, **fields) for hour, word in enumerate(words)]


@pytest.mark.parametrize(
    ("words", "count"),
    [("", 0), ("p", 0), ("ppp", 0), ("fff", 0), ("pf", 1), ("fp", 1), ("ffffp", 1), ("pfp", 1), ("pfpf", 2),
     ("pppff", 2), ("b", 1), ("bb", 2), ("pbf", 2), ("ss", 0), ("psf", 1)],
)  # fmt: skip
def test_flakes_are_contradictions(words: str, count: int) -> None:
    """Each flake is one outcome and one that contradicts it, no outcome used twice; skips say nothing."""
    assert len(flakes_of(run(words))) == count


def test_a_flake_is_dated_by_its_second_half() -> None:
    """It is a flake from the moment on at which the contradiction was seen, with both runs as evidence."""
    (flake,) = flakes_of([seen("f", NOON, machine="a", cause="boom"), seen("p", NOON + 60, machine="b")])
    assert (flake.at, flake.runs, flake.machines, flake.cause) == (
        NOON + 60, (f"r{NOON:.0f}", f"r{NOON + 60:.0f}"), ("a", "b"), "boom",
    )  # fmt: skip
    (line,) = explain([flake], ["then"])
    assert line == f"then: r{NOON:.0f} and r{NOON + 60:.0f} on tree t1 at a, b: boom"


def test_other_trees_do_not_contradict() -> None:
    """A failure on one tree and a pass on another is a repair; where the tree is unknown nothing is concluded."""
    assert flakes_of([seen("f"), seen("p", NOON + 1, tree="t2")]) == ()
    assert flakes_of([seen("f", tree=""), seen("p", NOON + 1, tree="")]) == ()


def test_the_order_of_arrival_does_not_matter() -> None:
    """Runs of other machines may be recorded later: times count."""
    sights = run("pffppf")
    assert flakes_of(reversed(sights)) == flakes_of(sights)


def test_a_run_that_is_recorded_twice_counts_once() -> None:
    """Duplicates add nothing."""
    sights = run("pf")
    assert len(flakes_of(sights * 3)) == 1


def test_seven_days_include_their_first_moment() -> None:
    """A flake exactly seven days old is within seven days; one second older is not."""
    (flake,) = flakes_of(run("pf"))
    assert recent([flake], flake.at + 7 * DAY, 7) == (flake,)
    assert recent([flake], flake.at + 7 * DAY + 1, 7) == ()


def test_a_clock_that_runs_fast() -> None:
    """A flake that another machine dates into the future is one of now, and does not stay for ever."""
    (flake,) = flakes_of([seen("p", NOON + DAY), seen("f", NOON + DAY + 1)])
    assert recent([flake], NOON, 7) == (flake,)
    assert recent([flake], NOON + 9 * DAY, 7) == ()


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati", "UTC"])
def test_zones_and_daylight_saving_move_nothing(zone: str) -> None:
    """Seven days are 604,800 seconds, whatever the wall says: across a change of the clock, in every zone."""
    before = datetime.datetime(2026, 3, 7, 12, tzinfo=ZoneInfo(zone)).timestamp()
    (flake,) = flakes_of([seen("p", before - 1), seen("f", before)])
    assert recent([flake], before + 604_800, 7) == (flake,)
    assert recent([flake], before + 604_801, 7) == ()


def test_the_runs_are_counted_beside_the_flakes() -> None:
    """Two flakes in a thousand runs are told from two in four."""
    ((told, flakes),) = flaky_tests(run("pfpf"), {("nd", TEST): 1000}, NOON + DAY, 7)
    assert (len(told.flakes), told.runs, told.failures, len(flakes)) == (2, 1000, 2, 2)


def test_a_renamed_test_is_another_test() -> None:
    """Neither half of a contradiction carries over to a new name."""
    sights = [seen("p"), seen("f", NOON + 1, test="tests/test_a.py::test_renamed")]
    assert flaky_tests(sights, {}, NOON + DAY, 7) == ()


def test_the_same_name_in_two_lanes_is_two_tests() -> None:
    """A lane is an environment: what differs between two of them is no flake."""
    assert flaky_tests([seen("p"), seen("f", NOON + 1, lane="core")], {}, NOON + DAY, 7) == ()


def test_tests_that_fail_together_are_a_cluster() -> None:
    """Tests that share at least half of their failing runs are shown together, through a common neighbour, too."""
    failing = {
        ("nd", "a"): frozenset({"1", "2"}),
        ("nd", "b"): frozenset({"1", "2", "3"}),
        ("nd", "c"): frozenset({"2", "3"}),
        ("nd", "alone"): frozenset({"4"}),
    }
    assert clusters(failing) == {
        ("nd", "a"): ("b", "c"),
        ("nd", "b"): ("a", "c"),
        ("nd", "c"): ("a", "b"),
        ("nd", "alone"): (),
    }


def test_most_flakes_first() -> None:
    """The list begins with the sickest test, and the cluster is on it."""
    other = [seen(word, sight.at, test="other", run=sight.run) for word, sight in zip("pfpp", run("pfpf"), strict=True)]
    found = flaky_tests([*other, *run("pfpf")], {}, NOON + DAY, 7)
    assert [(told.test, len(told.flakes), told.together) for told, _ in found] == [
        (TEST, 2, ("other",)),
        ("other", 1, (TEST,)),
    ]
