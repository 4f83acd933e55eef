"""Artifacts: whole, of this run, in agreement."""

from __future__ import annotations

from typing import Any

import pytest

from greenlane.evidence.evidence import JunitCase, LaneEvidence
from greenlane.evidence.journal import Leaked
from greenlane.evidence.outcome import Outcome
from support.evidence import LOCK, RUN, TREE, codes, errored, failed, junit_of, lane, outcome, skipped, verdict_on

A, B = outcome("test_a"), outcome("test_b")
SMILE = "test_p[\U0001f600]"


@pytest.mark.parametrize(
    ("evidence", "demanded", "expected"),
    [
        pytest.param(lane(damage=("junit.xml is missing",)), {}, ["TRUNCATED"], id="artifact-missing"),
        pytest.param(lane(journal={"damage": ("line 3 is damaged",)}), {}, ["TRUNCATED"], id="journal-damaged"),
        pytest.param(lane(), {"run_id": RUN, "tree": TREE, "locks": {"core": LOCK}}, [], id="everything-of-this-run"),
        pytest.param(lane(), {"run_id": "another"}, ["STALE"], id="record-of-another-run"),
        pytest.param(lane(journal={"run_ids": (RUN, "another")}), {}, ["STALE"], id="journal-of-another-run"),
        pytest.param(lane(), {"tree": "0" * 64}, ["STALE"], id="another-tree"),
        pytest.param(lane(tree="", tree_after=""), {"tree": TREE}, ["STALE"], id="tree-unknown"),
        pytest.param(lane(tree_after="0" * 64), {}, ["STALE"], id="edited-while-it-ran"),
        pytest.param(lane(), {"locks": {"core": "0" * 64}}, ["STALE"], id="another-lock"),
        pytest.param(lane(), {"locks": {"nd": "0" * 64}}, [], id="lock-of-another-lane"),
    ],
)
def test_damage_and_age_have_their_codes(evidence: LaneEvidence, demanded: dict[str, Any], expected: list[str]) -> None:
    """Evidence that is not whole or not of this run, tree and lock is red."""
    assert codes(verdict_on(evidence, **demanded)) == expected


@pytest.mark.parametrize(
    ("tests", "junit", "message"),
    [
        pytest.param((A, B), junit_of([A]), "1 tests are not in the JUnit file, tests.test_a.test_b among them",
                     id="case-missing"),
        pytest.param((A,), junit_of([A, B]), "1 JUnit cases are not in the journal, tests.test_a.test_b among them",
                     id="case-too-many"),
        pytest.param((A,), junit_of([outcome("test_a", Outcome.FAILED)]),
                     "1 tests are passed in the journal and failed in JUnit", id="failure-hidden-from-the-journal"),
        pytest.param((A,), junit_of([skipped("test_a")]), "1 tests are passed in the journal and skipped in JUnit",
                     id="skip-hidden-from-the-journal"),
        pytest.param((failed("test_a"),), junit_of([A]), "1 tests are failed in the journal and passed in JUnit",
                     id="failure-hidden-from-junit"),
        pytest.param((A, outcome("test_p[+]")), junit_of([A, outcome("test_p[*]")]),
                     "1 JUnit cases are not in the journal, tests.test_a.test_p[*] among them",
                     id="parameters-that-differ-in-signs-only"),
    ],
)  # fmt: skip
def test_junit_and_journal_must_tell_the_same(tests: Any, junit: Any, message: str) -> None:
    """A test or an outcome that only one of them knows is red."""
    found = [v for v in verdict_on(lane(*tests, junit=junit)).violations if v.code.value == "JUNIT_MISMATCH"]

    assert message in [violation.message for violation in found]


@pytest.mark.parametrize(
    ("tests", "junit"),
    [
        pytest.param((failed("test_a"),), (*junit_of([failed("test_a")]), *junit_of([errored("test_a")])),
                     id="failed-and-then-its-teardown"),
        pytest.param((errored("test_a"),), (*junit_of([A]), *junit_of([errored("test_a")])),
                     id="passed-and-then-its-teardown"),
        pytest.param((failed("test_p[+]"), outcome("test_p[*]")), None, id="one-parameter-of-signs-failed"),
        pytest.param((outcome("test_p[\x07]"),), (JunitCase("tests.test_a", "test_p[#x07]", Outcome.PASSED),),
                     id="control-character"),
        pytest.param((outcome(SMILE),), (JunitCase("tests.test_a", SMILE, Outcome.PASSED),),
                     id="beyond-the-basic-plane"),
        pytest.param((outcome(SMILE),), (JunitCase("tests.test_a", "test_p[#x1F600]", Outcome.PASSED),),
                     id="beyond-the-basic-plane-in-older-pytest"),
        pytest.param((outcome("tests/[b]/test_x.py::test_a[1]"),),
                     (JunitCase("tests.[b].test_x", "test_a[1]", Outcome.PASSED),), id="bracket-in-a-folder"),
        pytest.param((outcome("tests/[b]/test_x.py::test_a[1]"),),
                     (JunitCase("", "tests.[b]/test_x.py::test_a[1]", Outcome.PASSED),),
                     id="bracket-in-a-folder-in-older-pytest"),
    ],
)  # fmt: skip
def test_spellings_of_the_same_story_agree(tests: Any, junit: Any) -> None:
    """What pytest writes differently, but means the same, is no mismatch."""
    assert "JUNIT_MISMATCH" not in codes(verdict_on(lane(*tests, junit=junit)))


def test_a_case_of_a_test_that_was_lost_is_no_second_reason() -> None:
    """Xdist reports a dead worker's test as a JUnit failure; MISSING_OUTCOME says it already."""
    selected = {"selected": (A.nodeid, B.nodeid), "open_tests": (B.nodeid,)}
    evidence = lane(A, journal=selected, junit=junit_of([A, failed("test_b")]), exit_status=1)

    assert codes(verdict_on(evidence)) == ["MISSING_OUTCOME"]


def test_but_other_unknown_cases_are_still_told_then() -> None:
    """One lost test must not excuse a JUnit file that names tests which nobody collected."""
    selected = {"selected": (A.nodeid, B.nodeid), "open_tests": (B.nodeid,)}
    evidence = lane(A, journal=selected, junit=junit_of([A, failed("test_b"), outcome("test_c")]), exit_status=1)

    assert codes(verdict_on(evidence)) == ["JUNIT_MISMATCH", "MISSING_OUTCOME"]


@pytest.mark.parametrize("state", ["timed_out", "interrupted"])
def test_a_lane_that_was_stopped_owes_no_junit(state: str) -> None:
    """Pytest writes JUnit at its end; a killed one is red for being killed."""
    stopped: dict[str, Any] = {state: True}
    evidence = lane(A, B, junit=junit_of([A]), exit_status=None, journal={"exit_statuses": ()}, **stopped)

    assert "JUNIT_MISMATCH" not in codes(verdict_on(evidence))


def test_what_changed_is_named_with_who_made_it() -> None:
    """The first three paths, each with the test that made it where the leak guard saw that, and a count of the rest."""
    leak = Leaked(worker="main", at=0, nodeid="tests/test_a.py::test_b", watcher="files", what="b.txt", level="off")
    evidence = lane(tree_after="0ther", tree_changes=("a.txt", "b.txt", "c.txt", "d.txt"), journal={"leaks": (leak,)})
    (told,) = [v.message for v in verdict_on(evidence).violations if v.code == "STALE"]
    assert told.endswith("while the lane ran: a.txt, b.txt (by tests/test_a.py::test_b), c.txt and 1 more")
