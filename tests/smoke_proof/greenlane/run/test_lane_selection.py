"""Lanes select as suites do: by the deepest path, by marks, by what they leave out, and by the ledger."""

from __future__ import annotations

from typing import Any

from support.tiny import CORE, TinyProject

ND = {"kind": "nondeterministic", "tests": ["tests/nd"], "test_timeout": 20}
TESTS = """
import pytest

def test_fast():
    pass

@pytest.mark.slow
def test_slow():
    pass

def test_relay():
    pass

def test_broken():
    assert False
"""
MOVES = """
schema = 1
[[move]]
test = "tests/test_it.py::test_relay"
lane = "nd"
why = "needs a process"
since = "2026-01-31"
who = "Ann"
[[move]]
test = "tests/test_it.py::test_broken"
lane = "broken"
why = "fails under plain pytest"
since = "2026-01-31"
who = "Ann"
"""
UNREADY = "import a_package_of_nd\n\ndef test_nd(): pass\n"
PYTEST = "[pytest]\nmarkers = slow\ntestpaths = tests\naddopts = -ra -m 'not slow'\n"


def passed_in(ran: dict[str, Any]) -> dict[str, int]:
    """Return how many tests passed in each check."""
    return {check["name"]: check["counts"].get("passed", 0) for check in ran["checks"]}


def test_every_test_is_in_exactly_one_lane(tiny: TinyProject) -> None:
    """The suite's own -m is what core takes; another lane takes the rest; a file of nd is not imported by core."""
    tiny.lanes(core=CORE, slow={**CORE, "marks": "slow"}, nd=ND).section(
        "policies", {"all": {"lanes": ["core", "slow", "nd"], "strict": True}}
    )
    tiny.write("pytest.ini", PYTEST).write("greenlane-ledger.toml", MOVES).test(TESTS)
    tiny.write("a_package_of_nd/__init__.py", "").write("tests/nd/conftest.py", "import sys\nsys.path.insert(0, '.')\n")
    tiny.test(UNREADY, "tests/nd/test_nd.py")
    ran = tiny.greenlane("ready", "--policy", "all")
    assert (ran.code, ran.codes) == (0, set()), ran.output
    assert passed_in(ran.verdict) == {"core": 1, "slow": 1, "nd": 2}
    assert "EXCUSED: 2 moved tests, by 2 entries of greenlane-ledger.toml" in ran.output


def test_what_no_lane_takes_is_red(tiny: TinyProject) -> None:
    """Slow tests without a lane, a file that core leaves out, and a user's own -m, which is still a partial run."""
    tiny.lanes(core={**CORE, "exclude": ["tests/stress"]}).write("pytest.ini", PYTEST).test(TESTS)
    tiny.write("greenlane-ledger.toml", MOVES.replace('"nd"', '"broken"'))
    tiny.test("def test_load(): pass\n", "tests/stress/test_load.py")
    ran = tiny.greenlane("ready")
    assert (ran.code, ran.codes) == (1, {"LANE_GAP"}), ran.output
    gaps = {violation["subject"] for violation in ran.verdict["violations"]}
    assert gaps == {"tests/test_it.py::test_slow", "tests/stress/test_load.py"}
    ran = tiny.greenlane("lane", "core", PYTEST_ADDOPTS="-m fast")
    assert "PARTIAL" in ran.codes
    ran = tiny.lanes(core={**CORE, "marks": "slow and ("}).greenlane("lane", "core")
    assert "lanes.core.marks: 'slow and ('" in ran.output, ran.output
