"""What the tests said, as codes."""

from __future__ import annotations

import pytest

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.outcome import Outcome
from support.evidence import but, codes, errored, failed, lane, nd, outcome, skipped, verdict_on, xfailed

HANG = "tests/test_a.py::test_hang"
TIMEOUT = "Timeout (>1.0s) from pytest-timeout."
OK = outcome("test_ok")


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        pytest.param(lane(OK), [], id="passed"),
        pytest.param(lane(OK, failed()), ["FAILED"], id="failed"),
        pytest.param(lane(OK, errored()), ["ERROR"], id="set-up-failed"),
        pytest.param(lane(OK, outcome("test_x", Outcome.XPASSED)), [], id="passed-against-expectation"),
        pytest.param(lane(OK, failed(cause=f"Failed: {TIMEOUT}")), ["TIMED_OUT"], id="own-deadline-in-body"),
        pytest.param(lane(OK, errored(cause=f"Failed: {TIMEOUT}")), ["TIMED_OUT"], id="own-deadline-in-fixture"),
        pytest.param(lane(OK, failed(cause=TIMEOUT)), ["TIMED_OUT"], id="own-deadline-bare"),
        pytest.param(lane(OK, failed(cause=f"AssertionError: {TIMEOUT}")), ["FAILED"], id="only-speaks-of-a-deadline"),
        pytest.param(lane(OK, failed(cause="TimeoutError")), ["FAILED"], id="another-timeout"),
        pytest.param(lane(OK, skipped()), ["SKIPPED"], id="skip-in-core"),
        pytest.param(lane(OK, skipped(reason="")), ["SKIPPED"], id="unexplained-skip-in-core"),
        pytest.param(nd(OK, skipped()), [], id="explained-skip-in-nd"),
        pytest.param(nd(OK, skipped(reason="")), ["SKIPPED"], id="unexplained-skip-in-nd"),
        pytest.param(lane(OK, xfailed()), [], id="xfail-that-ran"),
        pytest.param(lane(OK, xfailed(ran=False)), ["SKIPPED"], id="xfail-that-did-not-run-in-core"),
        pytest.param(nd(OK, xfailed(ran=False)), [], id="explained-xfail-that-did-not-run-in-nd"),
        pytest.param(nd(OK, xfailed(ran=False, reason="")), ["SKIPPED"], id="unexplained-xfail-not-run-in-nd"),
        pytest.param(lane(OK, outcome("test_again", attempts=2)), ["FLAKY_IN_CORE"], id="run-again-in-core"),
        pytest.param(nd(OK, outcome("test_again", attempts=2)), [], id="run-again-in-nd-warns"),
        pytest.param(lane(OK, journal={"repeats": (OK.nodeid,)}), ["FLAKY_IN_CORE"], id="two-outcomes-in-core"),
        pytest.param(lane(OK, journal={"narrowing": ("-k",)}), ["PARTIAL"], id="selection-option"),
        pytest.param(lane(OK, journal={"dropped": ("tests/test_a.py::test_b",)}), ["PARTIAL"], id="dropped-by-a-hook"),
        pytest.param(lane(OK, journal={"stopped": ("stopping after 1 failures",)}), ["PARTIAL"], id="maxfail"),
        pytest.param(
            lane(OK, journal={"selected": (OK.nodeid, HANG), "open_tests": (HANG,)}), ["MISSING_OUTCOME"], id="killed"
        ),
        pytest.param(lane(OK, journal={"selected": (OK.nodeid, HANG)}), ["MISSING_OUTCOME"], id="never-began"),
        pytest.param(lane(OK, journal={"crashes": ("worker gw0 died",)}), ["MISSING_OUTCOME"], id="worker-died"),
    ],
)  # fmt: skip
def test_outcomes_have_their_codes(evidence: LaneEvidence, expected: list[str]) -> None:
    """Each way in which a test can end or not end makes exactly its own code."""
    assert codes(verdict_on(evidence)) == expected


@pytest.mark.parametrize("evidence", [nd(OK, skipped()), nd(OK, xfailed(ran=False))], ids=["skip", "xfail"])
def test_fail_on_skip_makes_explained_skips_red_in_every_lane(evidence: LaneEvidence) -> None:
    """READINESS_FAIL_ON_SKIP overrules the reason that is enough elsewhere."""
    assert codes(verdict_on(evidence, fail_on_skip=True)) == ["SKIPPED"]


def test_a_failure_carries_cause_file_and_line() -> None:
    """A violation leads to the failing line, and gives the one CAUSE line."""
    verdict = verdict_on(lane(failed("test_x[a/b]", cause="assert 0", path="tests/test_a.py", line=7)))

    (violation,) = verdict.violations
    assert (violation.subject, violation.path, violation.line) == ("tests/test_a.py::test_x[a/b]", "tests/test_a.py", 7)
    assert verdict.causes == ("CAUSE: tests/test_a.py::test_x[a/b] — assert 0",)


def test_a_failure_without_a_message_says_so() -> None:
    """`assert False` in a hook may leave no text; the cause line is there all the same."""
    assert verdict_on(lane(failed(cause=""))).causes == ("CAUSE: tests/test_a.py::test_bad — no message",)


def test_a_test_deadline_keeps_its_cause() -> None:
    """The code changes, the words of pytest-timeout stay."""
    verdict = verdict_on(lane(failed(cause=f"Failed: {TIMEOUT}")))

    assert verdict.causes == (f"CAUSE: tests/test_a.py::test_bad — Failed: {TIMEOUT}",)


def test_a_collection_error_is_an_error_with_its_cause() -> None:
    """A file that cannot be imported is red for that alone, not for having no tests."""
    broken = errored("tests/test_b.py", cause="ModuleNotFoundError: No module named 'x'", ran=False)
    evidence = lane(exit_status=2, journal={"collect_errors": (broken,), "outcomes": (), "selected": ()}, junit=[])

    verdict = verdict_on(but(evidence, junit=None))

    assert codes(verdict) == ["ERROR"]
    assert verdict.causes == ("CAUSE: tests/test_b.py — ModuleNotFoundError: No module named 'x'",)


@pytest.mark.parametrize(
    ("evidence", "message"),
    [
        pytest.param(
            lane(journal={"outcomes": (), "selected": (), "collected": ()}, junit=[], exit_status=5),
            "no test was collected", id="nothing-collected",
        ),
        pytest.param(
            nd(journal={"outcomes": (), "selected": ()}, junit=[], exit_status=5),
            "no test of the lane belongs to this shard", id="empty-shard",
        ),
    ],
)  # fmt: skip
def test_nothing_collected_is_no_tests(evidence: LaneEvidence, message: str) -> None:
    """An empty lane and an empty shard are red, and told apart."""
    verdict = verdict_on(evidence)

    assert codes(verdict) == ["NO_TESTS"]
    assert verdict.violations[0].message == message


def test_a_core_lane_that_only_skipped_ran_nothing() -> None:
    """Skips are not a run: both are said."""
    assert codes(verdict_on(lane(skipped()))) == ["NO_TESTS", "SKIPPED"]


def test_what_a_missing_test_did_last_is_told() -> None:
    """A hang is told from a test whose turn never came."""
    evidence = lane(OK, journal={"selected": (OK.nodeid, HANG, HANG + "2"), "open_tests": (HANG,)})

    causes = [violation.cause for violation in verdict_on(evidence).violations]

    assert causes == ["began and never ended", "never began"]


def test_a_dropped_test_is_named() -> None:
    """A conftest that deselects is found out, with a test to start from."""
    verdict = verdict_on(lane(OK, journal={"dropped": ("tests/test_a.py::test_b", "tests/test_a.py::test_c")}))

    assert verdict.violations[0].message == "2 collected tests were dropped, tests/test_a.py::test_b among them"
    assert verdict.violations[0].subject == "tests/test_a.py::test_b"


@pytest.mark.parametrize(
    ("evidence", "cause"),
    [
        pytest.param(lane(OK, skipped(reason="no docker")), "skipped: no docker", id="with-reason"),
        pytest.param(lane(OK, skipped(reason="")), "skipped: no reason given", id="without-reason"),
        pytest.param(lane(OK, xfailed(ran=False)), "expected to fail without being run: bug 7", id="xfail-not-run"),
    ],
)
def test_a_skip_tells_its_reason(evidence: LaneEvidence, cause: str) -> None:
    """Nothing is silent: the reason, or that there is none."""
    assert verdict_on(evidence).violations[0].cause == cause


def test_a_test_that_broke_in_set_up_is_no_skip() -> None:
    """It did not run either, but for a reason of its own."""
    assert codes(verdict_on(lane(OK, errored(ran=False)))) == ["ERROR"]
