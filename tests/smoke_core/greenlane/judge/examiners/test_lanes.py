"""Every test is in exactly one lane: what no lane takes and what two take is red."""

from __future__ import annotations

from greenlane.evidence.ledger import Ledger, MoveEntry, SkipEntry
from support.evidence import codes, lane, nd, outcome, verdict_on

ONE = "tests/test_a.py::test_one"


def test_what_another_lane_takes_is_nothing_lost() -> None:
    """Left to others is neither partial nor a gap, and its definition need not be collected here."""
    assert verdict_on(lane(journal={"left": ("tests/test_b.py::test_slow",)})).ready


def test_what_no_lane_takes_is_a_gap() -> None:
    """In a lane's file, and in a file that no lane looks into."""
    gap = {"gaps": (ONE,), "left": (ONE,)}
    (told,) = verdict_on(lane(outcome("test_ok"), journal=gap)).violations
    assert (told.code, told.subject, told.check, told.message) == ("LANE_GAP", ONE, "core", f"{ONE}: no lane takes it")
    assert codes(verdict_on(lane(outcome("test_ok"), journal=gap), lane="core")) == ["LANE_GAP"]
    assert codes(verdict_on(lane(), unclaimed=("tests/test_new.py",))) == ["LANE_GAP"]


def test_what_is_left_to_a_lane_that_never_had_it_is_lost() -> None:
    """Where every lane is judged together, somebody must have run it, or the ledger must say that nobody does."""
    left = lane(outcome("test_ok"), journal={"left": (ONE,)})
    lanes = {"lanes": ("core", "nd")}
    assert verdict_on(left, nd(outcome(ONE)), **lanes).ready
    assert verdict_on(left, **lanes).ready
    lost = verdict_on(left, nd(outcome("test_n")), **lanes)
    assert [(v.code, v.cause) for v in lost.violations] == [
        ("LANE_GAP", "is left to another lane, and none has run it")
    ]
    move = MoveEntry(test=ONE, lane="broken", why="w", since="2026-01-31", who="Ann")
    assert verdict_on(left, nd(outcome("test_n")), ledger=Ledger(moves=(move,)), **lanes).ready


def test_what_two_lanes_take_is_an_overlap() -> None:
    """Seen by what each has run, and by what one of them knows of the other; a lane by itself says nothing of it."""
    both = verdict_on(lane(outcome(ONE)), nd(outcome(ONE)))
    assert [(v.code, v.subject, v.cause) for v in both.violations] == [("LANE_OVERLAP", ONE, "is in core and in nd")]
    known = lane(outcome(ONE), journal={"twice": {ONE: ("core", "nd")}})
    assert codes(verdict_on(known)) == ["LANE_OVERLAP"]
    assert codes(verdict_on(known, lane="core")) == []


def test_one_lane_under_two_interpreters_is_one_lane() -> None:
    """Variants share their tests."""
    again = lane(outcome(ONE), lane="core-3.13")
    assert verdict_on(lane(outcome(ONE)), again, variants={"core-3.13": "core"}).ready


def test_a_skip_that_runs_elsewhere_may_be_in_both() -> None:
    """The ledger says that it is skipped here because it runs there."""
    entry = SkipEntry(test=ONE, elsewhere="nd", why="w", since="2026-01-31", who="Ann")
    known = lane(outcome("test_ok"), outcome(ONE), journal={"twice": {ONE: ("core", "nd")}})
    assert "LANE_OVERLAP" not in codes(verdict_on(known, ledger=Ledger(skips=(entry,))))
