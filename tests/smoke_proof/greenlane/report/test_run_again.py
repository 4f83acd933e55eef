"""A test that something runs again, from the lane to every report: one test, never two green ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from xml.etree import ElementTree

from support.tiny import TinyProject

AGAIN = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    for last in (False, False, True):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if last or not any(report.failed for report in reports):
            break
        for report in reports:
            report.outcome = "rerun" if report.failed else report.outcome
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""
TESTS = """
ATTEMPTS = []

def test_second_time():
    ATTEMPTS.append(1)
    assert len(ATTEMPTS) == 2, "not yet"

def test_never():
    assert False, "never"

def test_ok():
    pass
"""


def test_what_was_run_again_says_so_everywhere(make_tiny: Callable[..., TinyProject]) -> None:
    """Flaky with one retry, failed with two, and the steady one; with the cause of each attempt."""
    tiny = make_tiny().lanes(nd={"kind": "nondeterministic", "tests": ["tests"], "test_timeout": 20})
    tiny.write("conftest.py", AGAIN).test(TESTS)
    ran = tiny.greenlane("lane", "nd")
    base = tiny.path / ".artifacts/verdicts"

    assert ran.code == 1, ran.output
    tests = json.loads((base / "nd.ctrf.json").read_text(encoding="utf-8"))["results"]["tests"]
    told = {test["name"]: test for test in tests if test["suite"][0] == "nd"}
    assert {name: (t["status"], t["flaky"], t.get("retries", 0)) for name, t in told.items()} == {
        "test_second_time": ("passed", True, 1),
        "test_never": ("failed", False, 2),
        "test_ok": ("passed", False, 0),
    }
    (attempt,) = told["test_second_time"]["retryAttempts"]
    assert (attempt["attempt"], attempt["status"]) == (1, "failed")
    assert attempt["message"].startswith("AssertionError: not yet")
    cases = {
        case.get("name"): [child.tag for child in case] for case in ElementTree.parse(base / "nd.xml").iter("testcase")
    }
    assert cases["test_second_time"] == ["flakyFailure"]
    assert cases["test_never"] == ["failure", "rerunFailure", "rerunFailure"]
    page = (base / "nd.html").read_text(encoding="utf-8")
    assert 'Tests that were run again <span class="count">2</span>' in page
    assert "AssertionError: not yet" in page
