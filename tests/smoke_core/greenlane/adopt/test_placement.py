"""Where tests belong, by what they did while they were observed."""

from __future__ import annotations

from typing import Any

import pytest

from greenlane.adopt.placement import (
    Layout,
    Observed,
    Place,
    Placed,
    differing,
    failing,
    layout,
    order_dependent,
    place,
)
from greenlane.evidence.evidence import JournalFacts
from greenlane.evidence.journal import NetworkAttempt, SecretRead
from greenlane.evidence.outcome import Outcome, TestOutcome

FILE = "tests/test_a.py"


def ended(name: str, outcome: Outcome = Outcome.PASSED, **more: Any) -> TestOutcome:
    """Return how a test ended."""
    return TestOutcome(nodeid=f"{FILE}::{name}", outcome=outcome, **more)


def run(*outcomes: TestOutcome, **more: Any) -> JournalFacts:
    """Return a run of tests."""
    nodeids = tuple(test.nodeid for test in outcomes)
    return JournalFacts(**{"collected": nodeids, "selected": nodeids, "outcomes": outcomes, **more})


def attempt(name: str, operation: str, address: str) -> NetworkAttempt:
    """Return an attempt to leave the loopback."""
    nodeid = f"{FILE}::{name}" if name else FILE
    return NetworkAttempt(worker="main", at=0, nodeid=nodeid, operation=operation, address=address, where="x.py:3")


def places(observed: Observed) -> dict[str, tuple[Place, str]]:
    """Return place and reason by name of the test."""
    return {test.nodeid.removeprefix(f"{FILE}::"): (test.place, test.why) for test in place(observed)}


def twice(*outcomes: TestOutcome, **more: Any) -> Observed:
    """Return two equal runs."""
    return Observed(first=run(*outcomes, **more), second=run(*outcomes))


def test_a_test_is_of_core_until_it_shows_otherwise() -> None:
    """Passed, skipped and expected failures stay; so does a test that read a secret and passed without."""
    read = (SecretRead(worker="main", at=0, nodeid=f"{FILE}::a", name="X_API_KEY"),)
    observed = twice(ended("a"), ended("b", Outcome.SKIPPED), ended("c", Outcome.XFAILED), secret_reads=read)
    assert {where for where, _ in places(observed).values()} == {Place.CORE}


def test_who_calls_outside_is_released() -> None:
    """A host outside is the release lane's, even where the test passed; a socket of this machine is nd's."""
    network = (attempt("a", "getaddrinfo", "example.com"), attempt("b", "connect", "/var/run/docker.sock"))
    found = places(twice(ended("a"), ended("b"), network=network))
    assert found["a"] == (Place.RELEASE, "getaddrinfo example.com at x.py:3")
    assert found["b"][0] is Place.ND


@pytest.mark.parametrize("nodeid", [f"{FILE}::a", FILE])
def test_who_lacks_a_secret_is_released(nodeid: str) -> None:
    """A secret that the test, or its file, asked for and did not get, where the test did not pass."""
    read = (SecretRead(worker="main", at=0, nodeid=nodeid, name="OPENAI_API_KEY"),)
    where, why = places(twice(ended("a", Outcome.SKIPPED, reason="no key"), secret_reads=read))["a"]
    assert where is Place.RELEASE
    assert "OPENAI_API_KEY" in why
    assert "no key" in why


def test_what_differs_between_equal_runs_is_not_deterministic() -> None:
    """Passed and failed, or collected once only."""
    observed = Observed(first=run(ended("a"), ended("b")), second=run(ended("a", Outcome.FAILED, cause="boom")))
    found = places(observed)
    assert found["a"] == (Place.ND, "differs between equal runs: passed, then failed (boom)")
    assert found["b"] == (Place.ND, "differs between equal runs: passed, then not collected")


def test_plain_pytest_tells_whose_fault_a_failure_is() -> None:
    """What fails always is broken where plain pytest fails too, and nd's where that passes."""
    observed = twice(ended("a", Outcome.FAILED, cause="boom"), ended("b", Outcome.ERROR, cause="cut off"), ended("c"))
    assert failing(observed) == (f"{FILE}::a", f"{FILE}::b")
    plainly = {f"{FILE}::a": ended("a", Outcome.FAILED, cause="plain boom"), f"{FILE}::b": ended("b")}
    found = places(Observed(first=observed.first, second=observed.second, plainly=plainly))
    assert found["a"] == (Place.BROKEN, "plain boom")
    assert found["b"] == (Place.ND, "passes under plain pytest, and not when it is cut off: cut off")


def test_a_test_that_never_ends_fails() -> None:
    """A test that was to run and has no outcome is no success."""
    nodeid = f"{FILE}::a"
    lost = JournalFacts(collected=(nodeid,), selected=(nodeid,))
    assert places(Observed(first=lost, second=lost))["a"] == (Place.BROKEN, "began and never ended")


def test_a_file_that_cannot_be_collected_is_placed_whole() -> None:
    """With the host that its import called, or with its error."""
    error = TestOutcome(nodeid=FILE, outcome=Outcome.ERROR, cause="No module named 'x'")
    assert places(twice(collect_errors=(error,)))[FILE] == (Place.BROKEN, "No module named 'x'")
    called = twice(collect_errors=(error,), network=(attempt("", "connect", "192.0.2.1:80"),))
    assert places(called)[FILE][0] is Place.RELEASE


def test_order_dependence_is_told_and_nothing_else() -> None:
    """Only what passes in the suite's own order and fails in a random one; what is placed elsewhere does not count."""
    own = run(ended("a"), ended("b"), ended("c", Outcome.FAILED), network=(attempt("b", "connect", "192.0.2.1:80"),))
    shuffled = run(ended("a", Outcome.FAILED), ended("b", Outcome.FAILED), ended("c", Outcome.FAILED))
    observed = Observed(first=own, second=own, shuffled=shuffled)
    assert order_dependent(observed) == (f"{FILE}::a",)
    assert places(observed)["a"][0] is Place.CORE


def test_what_ends_otherwise_is_found() -> None:
    """Another outcome, and a test that one of the runs did not have; another message is the same end."""
    one = run(ended("a"), ended("b"), ended("c", Outcome.FAILED, cause="1"))
    other = run(ended("a"), ended("b", Outcome.SKIPPED), ended("c", Outcome.FAILED, cause="2"), ended("d"))
    assert differing(one, other) == (f"{FILE}::b", f"{FILE}::d")
    left = run(*other.outcomes, network=(attempt("b", "connect", "192.0.2.1:80"),))
    assert differing(one, left) == (f"{FILE}::d",)


def placed(**where: Place) -> list[Placed]:
    """Return placements of tests by name; `__` parts file and test, `_p_` begins a parameter."""
    return [
        Placed(nodeid=name.replace("__", ".py::").replace("_p_", "[") + ("]" if "_p_" in name else ""), place=place)
        for name, place in where.items()
    ]


def test_a_file_is_written_as_a_path() -> None:
    """Where every test of a file belongs elsewhere the file does; a broken file stays a row."""
    found = layout(placed(a__x=Place.ND, a__y=Place.ND, b__x=Place.CORE, c__x=Place.BROKEN), {})
    assert found.files == {Place.ND: ("a.py",)}
    assert [row.nodeid for row in found.rows] == ["c.py::x"]


def test_a_mark_explains_tests_only_exactly() -> None:
    """A mark is written when it has all tests of a place and no other; else they are rows."""
    tests = placed(a__x=Place.RELEASE, b__x=Place.RELEASE, a__z=Place.CORE, b__z=Place.CORE)
    marks = {"a.py::x": ("network",), "b.py::x": ("network", "slow")}
    assert layout(tests, marks) == Layout(marks={Place.RELEASE: "network"})
    marks["a.py::z"] = ("network",)
    assert [row.nodeid for row in layout(tests, marks).rows] == ["a.py::x", "b.py::x"]


def test_cases_of_one_test_are_one_row() -> None:
    """Every case of a parametrised test in one place is one row; some of them are several."""
    tests = placed(a__x_p_1=Place.ND, a__x_p_2=Place.ND, a__y_p_1=Place.ND, a__y_p_2=Place.CORE)
    assert [row.nodeid for row in layout(tests, {}).rows] == ["a.py::x[*", "a.py::y[1]"]
