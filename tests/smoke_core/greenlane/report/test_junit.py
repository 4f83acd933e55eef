"""JUnit: the checks, then every test, each once."""

from __future__ import annotations

from xml.etree import ElementTree

from greenlane.evidence.evidence import JunitCase, LaneEvidence
from greenlane.evidence.ledger import Ledger
from greenlane.evidence.outcome import Attempt, Outcome
from greenlane.evidence.quarantine import Entry
from greenlane.report.junit import as_junit
from support.evidence import failed, lane, nd, outcome, skipped, verdict_on


def cases(*evidence: LaneEvidence, **demand: object) -> dict[str, ElementTree.Element]:
    """Return the cases of the lane's suite by name."""
    root = ElementTree.fromstring(as_junit(verdict_on(*evidence, **demand), evidence))
    return {case.get("name", ""): case for suite in root[1:] for case in suite}


def tags(case: ElementTree.Element) -> list[str]:
    """Return what a case holds."""
    return [child.tag for child in case]


def test_a_failure_carries_what_the_test_said() -> None:
    """Trace and output of the lane's own file, not only the first line."""
    said = JunitCase("tests.test_a", "test_bad", Outcome.FAILED, "> assert 1 == 2\n--- Captured ---\nhello")
    found = cases(lane(failed(), junit=[said]))

    assert (found["test_bad"][0].get("message"), found["test_bad"][0].text) == ("assert 1 == 2", said.text)


def test_a_test_that_was_run_again_is_one_case_that_says_so() -> None:
    """Surefire's words: `flakyFailure` for one that passed in the end, `rerunFailure` for one that did not."""
    earlier = (Attempt(Outcome.FAILED, 0.1, "no route"),)
    found = cases(nd(outcome("test_f", attempts=2, earlier=earlier), failed("test_g", attempts=2, earlier=earlier)))

    assert {name: tags(case) for name, case in found.items()} == {
        "test_f": ["flakyFailure"],
        "test_g": ["failure", "rerunFailure"],
    }
    assert found["test_f"][0].get("message") == "no route"


def test_what_does_not_gate_is_no_failure() -> None:
    """A quarantined failure is shown as skipped with its cause, in a file without any failure."""
    entry = Entry(test="tests/test_a.py::test_bad", lane="nd", since="2026-01-01", expires="2027-01-01", issue="i/7")
    asked = {"ledger": Ledger(quarantined=(entry,)), "quarantine_kinds": ("nondeterministic",), "today": "2026-06-01"}
    found = cases(nd(outcome("test_ok"), failed(), skipped()), **asked)

    assert tags(found["test_bad"]) == ["skipped"]
    assert "does not gate: assert 1 == 2" in found["test_bad"][0].get("message", "")
    assert tags(found["test_ok"]) == []
