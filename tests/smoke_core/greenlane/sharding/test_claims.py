"""Which lane a file and a test belong to."""

from __future__ import annotations

from typing import Any

import pytest

from greenlane.evidence.claims import Claim, Claims, Move
from greenlane.sharding.claims import enters, file_owners, moved, owners, takes_file
from support.evidence import but

CORE = Claim(lane="core", tests=("tests",), marks="not slow")
ND = Claim(lane="nd", tests=("tests/nd", "tests/test_one.py::test_real"))
SLOW = Claim(lane="slow", tests=("tests",), marks="slow", exclude=("tests/stress/**", "tests/test_old*.py"))
MOVES = (
    Move(test="tests/test_net.py::test_relay*", lane="nd"),
    Move(test="tests/test_bad.py::*", lane="broken"),
)
CLAIMS = Claims(own="core", lanes=(CORE, ND, SLOW), moves=MOVES)


def lanes_of(nodeid: str, *marks: str, claims: Claims = CLAIMS) -> tuple[str, ...]:
    """Return the lanes of a test with marks; an expression is one mark, or not one."""

    def has(claim: Claim) -> bool:
        word = claim.marks.removeprefix("not ")
        return (word in marks) is (word == claim.marks)

    return owners(nodeid, claims, has, moved([nodeid], claims))


@pytest.mark.parametrize(
    ("nodeid", "marks", "lanes"),
    [
        ("tests/test_a.py::test_x", (), ("core",)),
        ("tests/test_a.py::test_x", ("slow",), ("slow",)),
        ("tests/nd/test_a.py::test_x", (), ("nd",)),
        ("tests/nd/deep/test_a.py::test_x", ("slow",), ("nd",)),
        ("tests/ndx/test_a.py::test_x", (), ("core",)),
        ("tests/stress/test_a.py::test_x", ("slow",), ()),
        ("tests/test_old_1.py::test_x", ("slow",), ()),
        ("tests/test_one.py::test_real", (), ("nd",)),
        ("tests/test_one.py::test_real[a-1]", (), ("nd",)),
        ("tests/test_one.py::test_really", (), ("core",)),
        ("tests/test_net.py::test_relay[x]", ("slow",), ("nd",)),
        ("tests/test_net.py::test_other", (), ("core",)),
        ("tests/test_bad.py::TestA::test_x", (), ("broken",)),
        ("elsewhere/test_a.py::test_x", (), ()),
    ],
)
def test_the_lane_of_a_test(nodeid: str, marks: tuple[str, ...], lanes: tuple[str, ...]) -> None:
    """A move counts first, then the deepest path; marks decide among lanes of one path."""
    assert lanes_of(nodeid, *marks) == lanes


def test_two_lanes_of_one_path_without_marks_both_take_it() -> None:
    """Nobody decides for them: it is told."""
    claims = Claims(lanes=(but(CORE, marks=""), but(SLOW, marks="")))
    assert lanes_of("tests/test_a.py::test_x", claims=claims) == ("core", "slow")


@pytest.mark.parametrize(
    ("path", "own", "takes"),
    [
        ("tests/test_a.py", "core", True),
        ("tests/test_a.py", "nd", False),
        ("tests/nd/test_a.py", "core", False),
        ("tests/nd/test_a.py", "nd", True),
        ("tests/test_one.py", "nd", True),
        ("tests/test_one.py", "core", True),
        ("tests/test_net.py", "nd", True),
        ("tests/stress/test_a.py", "slow", False),
    ],
)
def test_who_looks_into_a_file(path: str, own: str, takes: bool) -> None:
    """A file of another lane is not even imported; one with a single test of this lane is."""
    assert takes_file(path, but(CLAIMS, own=own)) is takes


def test_files_of_nobody() -> None:
    """A file that every lane leaves out, or that lies outside of all paths; one that the ledger takes out is known."""
    claims = Claims(lanes=(SLOW,), moves=MOVES)
    assert file_owners("tests/stress/test_a.py", claims) == set()
    assert file_owners("other/test_a.py", claims) == set()
    assert "broken" in file_owners("tests/test_bad.py", claims)


@pytest.mark.parametrize(
    ("folder", "own", "looked"),
    [
        ("tests", "core", True),
        ("tests", "nd", True),
        ("tests/unit", "core", True),
        ("tests/unit", "nd", False),
        ("tests/nd", "core", False),
        ("tests/nd/deep", "nd", True),
        ("tests/stress", "slow", False),
        ("tests/stress/deep", "slow", False),
    ],
)
def test_who_looks_into_a_folder(folder: str, own: str, looked: bool) -> None:
    """Folders of other lanes are not entered: their conftest is not loaded."""
    assert enters(folder, but(CLAIMS, own=own)) is looked


def test_without_claims_everything_is_taken() -> None:
    """A lane that is opened by hand has what it is given."""
    nobody: Any = Claims()
    assert (takes_file("x/test_a.py", nobody), enters("x", nobody)) == (True, True)
