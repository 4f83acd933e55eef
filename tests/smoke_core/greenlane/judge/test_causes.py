"""One cause is told once, and nothing is lost by it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlane.evidence.journal import Leaked, NetworkAttempt
from greenlane.evidence.outcome import Attempt, Outcome
from greenlane.evidence.violation import Code, Violation
from greenlane.judge.causes import group
from support.evidence import errored, failed, lane, outcome, verdict_on

LEAK = "LEAK environ LEFT from nothing to 'behind' at tests/test_a.py:5"
SUBJECTS = st.sampled_from(["", "core", "tests/a.py", "tests/a.py::test_1", "tests/a.py::test_2"])
CAUSES = st.sampled_from(["", "never began", "began and never ended", "assert 0", LEAK, "Failed: NETWORK connect x"])
VIOLATIONS = st.lists(
    st.builds(
        Violation,
        code=st.sampled_from(Code), message=st.just("m"), subject=SUBJECTS, check=st.sampled_from(["core", "nd/a"]),
        cause=CAUSES, path=st.sampled_from(["", "tests/a.py"]), line=st.sampled_from([0, 7]),
    ),
    max_size=12,
)  # fmt: skip


def violation(code: Code, subject: str = "", **fields: object) -> Violation:
    """Return a violation of `core`."""
    return Violation(**{"code": code, "message": "m", "subject": subject, "check": "core", **fields})  # type: ignore[arg-type]


def told(*violations: Violation) -> list[list[str]]:
    """Return the codes of each cause, its head's first."""
    return [[cause.head.code.value, *(v.code.value for v in cause.related)] for cause in group(violations)]


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(VIOLATIONS)
def test_every_violation_is_in_exactly_one_cause(violations: list[Violation]) -> None:
    """Folding ends, loses nothing and doubles nothing, whatever is found together."""
    causes = group(violations)

    members = [v for cause in causes for v in (cause.head, *cause.related)]
    assert sorted(map(repr, members)) == sorted(map(repr, violations))
    assert bool(causes) is bool(violations)


def test_two_that_follow_from_each_other_are_one_cause() -> None:
    """Whoever looks for the head of either must come to an end: the first of them is it."""
    lost = violation(Code.MISSING_OUTCOME)
    stopped = violation(Code.INTERRUPTED, cause="never began")

    assert told(lost, stopped) == [["MISSING_OUTCOME", "INTERRUPTED"]]
    assert told(stopped, lost) == [["INTERRUPTED", "MISSING_OUTCOME"]]


def test_a_leak_is_told_once() -> None:
    """The guard fails the test with the words of the leak; the leak, which knows the line, stands for both."""
    error = violation(Code.ERROR, "t::a", cause=f"Failed: {LEAK}")
    leaks = [violation(Code.LEAK, "t::a", cause=LEAK), violation(Code.LEAK, "t::a", cause="LEAK cwd")]

    assert told(error, *leaks) == [["LEAK", "ERROR"], ["LEAK"]]


def test_what_no_test_could_catch_is_told_once() -> None:
    """So it is where the harness fails the tear-down, and where pytest makes an error of its own warning."""
    unhandled = violation(Code.UNHANDLED, "t::a", cause="UNHANDLED ValueError: late in thread worker")
    torn_down = violation(Code.ERROR, "t::a", cause=unhandled.cause)
    warned = violation(Code.FAILED, "t::a", cause="pytest.PytestUnhandledThreadExceptionWarning: in thread worker")

    assert told(torn_down, warned, unhandled) == [["UNHANDLED", "ERROR", "FAILED"]]


def test_a_failure_of_its_own_is_no_leak() -> None:
    """A test that fails and leaks has two causes."""
    assert told(violation(Code.FAILED, "t::a", cause="assert 0"), violation(Code.LEAK, "t::a", cause=LEAK)) == [
        ["FAILED"],
        ["LEAK"],
    ]


def test_one_line_that_breaks_many_tests_is_one_cause() -> None:
    """Thirty tests that fail at the same line with the same words are told once; other words are another cause."""
    same = [failed(f"test_{n}", cause="no server", path="tests/conftest.py", line=9) for n in range(30)]
    other = failed("test_other", cause="assert 3 == 4", path="tests/conftest.py", line=9)

    causes = group(verdict_on(lane(*same, other)).violations)

    assert [len(cause.tests) for cause in causes] == [30, 1]


def test_a_thing_that_many_tests_leave_behind_is_one_cause() -> None:
    """A lazily filled map is told once, with every test; the same thing at another line is another cause."""

    def leak(nodeid: str, where: str) -> Leaked:
        return Leaked(
            worker="main", at=1.0, nodeid=nodeid, watcher="containers", what="app.memo", after=nodeid, where=where
        )

    leaks = (*(leak(f"tests/test_a.py::test_{n}", "tests/conftest.py:9") for n in range(96)), leak("t::x", "t.py:1"))
    causes = group(verdict_on(lane(outcome("test_ok"), journal={"leaks": leaks})).violations)
    assert [len(cause.tests) for cause in causes] == [96, 1]


def test_what_one_line_of_a_test_leaves_is_one_cause() -> None:
    """A line that imports two modules anew is told once; what another test leaves there has a cause of its own."""
    left = [violation(Code.LEAK, "t::a", thing=f"modules:{name}", path="t.py", line=9) for name in ("http", "core")]
    other = violation(Code.LEAK, "t::b", thing="modules:else", path="t.py", line=9)
    again = violation(Code.LEAK, "t::c", thing="modules:core", path="t.py", line=9)
    nowhere = [violation(Code.LEAK, "t::a", thing=f"environ:{name}") for name in ("A", "B")]
    assert told(*left, other, again, *nowhere) == [["LEAK"] * 3, ["LEAK"], ["LEAK"], ["LEAK"]]


def test_an_object_that_two_modules_have_is_one_cause() -> None:
    """A table that another module imported changed under both names, at no known line; another did not."""

    def left(name: str, change: str = "from {} to {1: 2}") -> Violation:
        return violation(Code.LEAK, "t::a", thing=f"containers:{name}", cause=f"LEAK containers {name} {change}")

    assert told(left("app.types.TABLE"), left("app.routing.TABLE")) == [["LEAK", "LEAK"]]
    assert told(left("app.types.TABLE"), left("app.types.OTHER"), left("app.a.TABLE", "from 1 to 2")) == [["LEAK"]] * 3


def test_tests_that_never_began_are_one_cause() -> None:
    """Whatever stopped the lane is not known: then they are one row, with their number."""
    names = tuple(f"tests/test_a.py::test_{n}" for n in range(40))
    evidence = lane(outcome("test_ok"), journal={"selected": (*names, "tests/test_a.py::test_ok")})
    (cause,) = [c for c in group(verdict_on(evidence).violations) if c.head.code is Code.MISSING_OUTCOME]
    assert len(cause.tests) == 40


def test_one_address_that_many_tests_call_is_one_cause() -> None:
    """An address that a fixture asks for is told once."""
    tried = tuple(
        NetworkAttempt(
            worker="main", at=1.0, nodeid=f"t::{n}", operation="connect", address="192.0.2.1:80", where="t.py:3"
        )
        for n in range(9)
    )
    (cause,) = group(verdict_on(lane(journal={"network": tried})).violations)
    assert len(cause.tests) == 9


def test_the_worst_comes_first() -> None:
    """What cannot run, network, failures, leaks, skips, the rest, whatever the order in which it was found."""
    found = [
        violation(Code.STALE), violation(Code.SKIPPED, "t::s"), violation(Code.LEAK, "t::l"),
        violation(Code.ERROR, "t::e"), violation(Code.FAILED, "t::f"), violation(Code.NETWORK, "t::n"),
        violation(Code.ERROR, "t.py"), violation(Code.DRIFT),
    ]  # fmt: skip
    told = [cause.head.code.value for cause in group(found)]
    assert told == ["ERROR", "DRIFT", "NETWORK", "ERROR", "FAILED", "LEAK", "SKIPPED", "STALE"]


def test_without_a_line_the_same_words_may_be_two_causes() -> None:
    """`assert 1 == 2` in two files is not one cause."""
    assert len(group(verdict_on(lane(failed("test_a"), failed("test_b"))).violations)) == 2


@pytest.mark.parametrize(
    ("codes", "head"),
    [
        (("NO_TESTS", "DRIFT", "TRUNCATED", "NETWORK", "JUNIT_MISMATCH"), "DRIFT"),
        (("ERROR", "NO_TESTS", "TRUNCATED"), "ERROR"),
        (("NO_TESTS", "EXIT_MISMATCH", "TRUNCATED"), "NO_TESTS"),
        (("INTERRUPTED", "PARTIAL", "NO_TESTS", "TRUNCATED"), "INTERRUPTED"),
        (("DRIFT", "DRIFT", "DRIFT"), "DRIFT"),
    ],
)
def test_what_follows_from_one_thing_is_folded_under_it(codes: tuple[str, ...], head: str) -> None:
    """A lane whose plugin did not load has no journal, no tests and no proof: that is one cause."""
    (cause,) = group([violation(Code(code)) for code in codes])

    assert cause.head.code.value == head
    assert len(cause.related) == len(codes) - 1


def test_tests_that_a_dead_worker_never_came_to() -> None:
    """The test that was running stands for those that never began, wherever it is in the list."""
    waiting = violation(Code.MISSING_OUTCOME, "t::a", cause="never began")
    running = violation(Code.MISSING_OUTCOME, "t::b", cause="began and never ended")
    death = violation(Code.ERROR, cause="")

    (cause,) = group([death, waiting, running])

    assert (cause.head.subject, len(cause.related)) == ("t::b", 2)


def test_another_lane_is_another_cause() -> None:
    """What went wrong in one check explains nothing in another."""
    assert told(violation(Code.DRIFT), violation(Code.NO_TESTS, check="nd/a")) == [["DRIFT"], ["NO_TESTS"]]


def test_two_deadlines_are_two_causes() -> None:
    """Each test that ran out of time is told."""
    assert told(violation(Code.TIMED_OUT, "t::a"), violation(Code.TIMED_OUT, "t::b")) == [["TIMED_OUT"], ["TIMED_OUT"]]


def test_a_flake_that_failed_is_told_with_its_failure() -> None:
    """That it was run again stands under why it failed."""
    again = outcome("test_f", Outcome.FAILED, cause="assert 0", attempts=2, earlier=(Attempt(Outcome.FAILED),))

    assert [
        [c.head.code, *(v.code for v in c.related)] for c in group(verdict_on(lane(again, errored())).violations)
    ] == [
        [Code.FAILED, Code.FLAKY_IN_CORE],
        [Code.ERROR],
    ]
