"""CTRF: valid by its published schema, every test once, retries and flakes as they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.outcome import Attempt, Outcome
from greenlane.report.ctrf import as_ctrf
from support.evidence import failed, lane, nd, outcome, skipped, verdict_on, xfailed
from support.reports import HOSTILE, VERDICTS, hostile_run

SCHEMA = json.loads((Path(__file__).parents[3] / "support/schemas/ctrf-0.0.json").read_text(encoding="utf-8"))
# `jsonschema.validate` would look at the schema itself, too, each time.
VALID = jsonschema.validators.validator_for(SCHEMA)(SCHEMA, format_checker=jsonschema.FormatChecker())


def results(*evidence: LaneEvidence) -> dict[str, Any]:
    """Return the results of a verdict on evidence, which are valid."""
    report = json.loads(as_ctrf(verdict_on(*evidence), evidence).encode("utf-8"))
    VALID.validate(report)
    return report["results"]  # type: ignore[no-any-return]


def test_every_kind_of_outcome() -> None:
    """Each outcome has its status, its own word beside it, and its reason."""
    tests = results(nd(outcome("test_ok"), failed(), skipped(), xfailed(), outcome("test_x", Outcome.XPASSED)))["tests"]

    assert [(test["name"], test["status"], test["rawStatus"], test.get("message")) for test in tests] == [
        ("test_ok", "passed", "passed", None),
        ("test_bad", "failed", "failed", "assert 1 == 2"),
        ("test_later", "skipped", "skipped", "no docker here"),
        ("test_known", "other", "xfailed", "bug 7"),
        ("test_x", "passed", "xpassed", None),
    ]
    assert tests[0]["suite"] == ["nd", "tests/test_a.py"]


def test_a_test_that_passed_when_it_was_run_again_is_one_flaky_test() -> None:
    """Never two green ones: one entry, flaky, with the attempt that failed and why."""
    earlier = (Attempt(Outcome.FAILED, 0.25, "no route"), Attempt(Outcome.ERROR, 0.5, "no server"))
    found = results(nd(outcome("test_f", attempts=3, earlier=earlier), outcome("test_ok")))

    flaky, steady = found["tests"]
    assert (flaky["status"], flaky["flaky"], flaky["retries"]) == ("passed", True, 2)
    assert flaky["retryAttempts"] == [
        {"attempt": 1, "status": "failed", "duration": 250, "message": "no route"},
        {"attempt": 2, "status": "failed", "duration": 500, "message": "no server"},
    ]
    assert (steady["flaky"], "retries" in steady) == (False, False)
    assert (found["summary"]["tests"], found["summary"]["flaky"]) == (2, 1)


def test_a_test_that_failed_again_is_not_flaky() -> None:
    """CTRF calls flaky only what passed in the end."""
    (test,) = results(nd(failed("test_f", attempts=2, earlier=(Attempt(Outcome.FAILED, 0.1, "x"),))))["tests"]

    assert (test["status"], test["flaky"], test["retries"]) == ("failed", False, 1)


def test_a_reason_for_red_beside_the_tests_is_a_failed_case() -> None:
    """Drift with green tests is red in CTRF, too."""
    ok, drift = results(lane(outcome("test_ok"), drift=("six is missing",)))["tests"]

    assert (ok["status"], drift["status"]) == ("passed", "failed")
    assert drift["message"] == "DRIFT [core] six is missing"
    assert drift["extra"]["next"]


def test_a_test_has_the_same_identifier_in_every_run() -> None:
    """And another one in another lane."""
    first, again, other = (results(item)["tests"][0]["id"] for item in (lane(), lane(seed=4), nd(outcome("test_one"))))

    assert first == again != other


@pytest.mark.parametrize("name", VERDICTS)
def test_valid_for_every_verdict(name: str) -> None:
    """A verdict without any evidence is valid, too, and has a failed case exactly where a command would fail."""
    report = json.loads(as_ctrf(VERDICTS[name]))
    VALID.validate(report)
    assert bool(report["results"]["summary"]["failed"]) is bool(VERDICTS[name].exit_code)


@pytest.mark.parametrize("lost", ["reportFormat", "results"])
def test_something_else_is_invalid(lost: str) -> None:
    """The schema is not so wide that anything passes."""
    report = json.loads(as_ctrf(VERDICTS["ready"]))
    del report[lost]
    with pytest.raises(jsonschema.ValidationError):
        VALID.validate(report)


@pytest.mark.parametrize("name", HOSTILE)
def test_valid_for_hostile_names(name: str) -> None:
    """Names go through unchanged."""
    report = json.loads(as_ctrf(*hostile_run(name)).encode("utf-8"))

    VALID.validate(report)
    assert f"tests/test_a.py::test_x[{HOSTILE[name]}]" in [
        test["extra"].get("nodeid") for test in report["results"]["tests"]
    ]
