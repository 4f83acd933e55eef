"""What `init` and `survey` say of a suite: one line for each cause, never a flood."""

from __future__ import annotations

from greenlane.adopt.placement import Place, Placed
from greenlane.adopt.summary import placement_lines, proposals
from greenlane.evidence.claims import Claim, Claims

CLAIMS = Claims(lanes=(Claim(lane="core", tests=("tests",)),))
KINDS = {"core": "deterministic"}


def broken(name: str, why: str) -> Placed:
    """Return a test that fails by itself."""
    return Placed(nodeid=f"tests/test_a.py::{name}", place=Place.BROKEN, why=why)


def test_tests_of_different_causes_are_told_apart() -> None:
    """No test stands under the cause of another; what differs in numbers and folders alone is one cause."""
    tests = [
        broken("a", "assert 1 == 2"), broken("b", "no '/tmp/x/test_b0'"), broken("c", "no '/tmp/x/test_c0'"),
        broken("d", "boom"),
    ]  # fmt: skip
    assert list(proposals(tests, CLAIMS, KINDS, {})) == [
        "move: tests/test_a.py::b and 1 more from core to broken: no '/tmp/x/test_b0'",
        "move: tests/test_a.py::a from core to broken: assert 1 == 2",
        "move: tests/test_a.py::d from core to broken: boom",
    ]
    assert list(placement_lines(tests))[1] == "  broken: tests/test_a.py::b and 1 more: no '/tmp/x/test_b0'"


def test_many_causes_are_no_flood() -> None:
    """Five are told, those of most tests first; of the others how many there are."""
    tests = [broken(f"t{n}", f"cause {n}") for n in range(900)] + [broken("u", "cause 7")]
    told = list(proposals(tests, CLAIMS, KINDS, {}))
    assert told[0] == "move: tests/test_a.py::t7 and 1 more from core to broken: cause 7"
    assert told[5:] == ["move: 895 more from core to broken: 895 further causes, see --json"]
    assert list(placement_lines(tests))[6:] == ["  broken: 895 further causes, in greenlane-ledger.toml"]


def test_who_is_in_place_has_not_to_move() -> None:
    """Nothing is proposed."""
    tests = [Placed(nodeid="tests/test_a.py::a", place=Place.CORE)]
    assert list(proposals(tests, CLAIMS, KINDS, {})) == ["no test has to move"]
