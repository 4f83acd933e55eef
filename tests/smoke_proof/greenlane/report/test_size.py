"""Reports stay small enough to be opened, whatever happened: five thousand tests with as many causes are 5 MB."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from greenlane.config.schema import Configuration, Report
from greenlane.evidence.evidence import JunitCase, LaneEvidence
from greenlane.evidence.journal import Leaked
from greenlane.evidence.outcome import Outcome
from greenlane.evidence.verdict import Verdict
from greenlane.judge.examiners.artifacts import junit_key
from greenlane.report.ctrf import as_ctrf
from greenlane.report.junit import as_junit
from greenlane.report.machine import as_json
from greenlane.report.write import planned
from support.evidence import lane, outcome, verdict_on

COUNT = 5000
SAID = "".join(f"    line {n} of the traceback of a test that says a great deal\n" for n in range(60))


def name(number: int) -> str:
    """Return a node id of usual length."""
    return f"tests/unit/test_module_{number % 100}.py::TestSomething::test_case[{number}-parameter]"


def where(number: int) -> dict[str, Any]:
    """Return a place of its own for each."""
    return {"path": f"tests/unit/test_module_{number % 100}.py", "line": number + 1}


def leaked(number: int, tests: int) -> Leaked:
    """Return something that one of so many tests left behind, and no other."""
    return Leaked(
        worker="gw0", at=1.0, nodeid=name(number % tests), watcher="attributes", what=f"app.module.thing_{number}",
        before="<function thing at 0x7f0123456789>", after="<Mock name='thing' id='140123456789'>",
        where=f"tests/unit/test_module_{number % 100}.py:{number + 1}", advice="use monkeypatch.setattr",
    )  # fmt: skip


@pytest.fixture(scope="module", params=["failures", "leaks"])
def bad(request: pytest.FixtureRequest) -> tuple[Verdict, LaneEvidence]:
    """Five thousand tests that all fail for reasons of their own, or all leak things of their own."""
    if request.param == "failures":
        tests = [
            outcome(name(n), Outcome.FAILED, cause=f"AssertionError: assert {n} == {n + 1}", **where(n))
            for n in range(COUNT)
        ]
        leaks = []
    else:
        tests = [outcome(name(n), Outcome.PASSED) for n in range(COUNT)]
        leaks = [leaked(n, COUNT) for n in range(COUNT)]
    cases = tuple(JunitCase(*junit_key(t.nodeid), t.outcome, SAID if t.outcome.bad else "") for t in tests)
    evidence = lane(*tests, junit=cases, journal={"leaks": tuple(leaks)})
    return verdict_on(evidence), evidence


def test_all_reports_together_are_five_megabytes(bad: tuple[Verdict, LaneEvidence]) -> None:
    """Every report that a project can ask for, the JSON at both places."""
    verdict, evidence = bad
    reports = planned(Configuration(report=Report(json="out/verdict.json")))
    sizes = {path: len(make(verdict, [evidence]).encode()) for path, make in reports.items()}
    assert len(sizes) == 6
    assert sum(sizes.values()) < 5_000_000, sizes


def test_only_tests_take_room_without_limit() -> None:
    """Twenty thousand violations of a hundred tests are smaller than five thousand of as many."""
    tests = [outcome(name(number)) for number in range(100)]
    evidence = lane(*tests, journal={"leaks": tuple(leaked(number, 100) for number in range(4 * COUNT))})
    verdict = verdict_on(evidence)
    assert len(verdict.violations) >= 4 * COUNT
    sizes = [len(make(verdict, [evidence]).encode()) for make in planned(Configuration()).values()]
    assert sum(sizes) < 2_500_000, sizes


def test_what_is_left_out_is_counted(bad: tuple[Verdict, LaneEvidence]) -> None:
    """The JSON has the first of each cause as far as there is room, and says how many are not there."""
    verdict, evidence = bad
    told = json.loads(as_json(verdict, [evidence]))
    assert len(told["violations"]) > 1000
    assert len(told["violations"]) + told["left_out"]["violations"] == COUNT
    assert told["violations"][0]["message"] == verdict.violations[0].message


def test_every_test_is_in_junit_and_ctrf(bad: tuple[Verdict, LaneEvidence]) -> None:
    """Traces are left out before tests are."""
    verdict, evidence = bad
    names = {junit_key(test.nodeid) for test in evidence.journal.outcomes}
    cases = ElementTree.fromstring(as_junit(verdict, [evidence])).iter("testcase")
    assert {(case.get("classname"), case.get("name")) for case in cases} >= names
    assert len(json.loads(as_ctrf(verdict, [evidence]))["results"]["tests"]) >= COUNT
