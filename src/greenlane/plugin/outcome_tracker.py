"""What really happened in the phases of one test, kept where no hook that edits reports can reach it."""

from __future__ import annotations

import unittest

import pytest

from greenlane.evidence.outcome import Outcome
from greenlane.plugin.body_probe import BodyProbe
from greenlane.plugin.reports import Truth, first_line, skip_reason, words_of

_RETURNED = "return a value that is not None from a test case"
"""How unittest says that a test returned its result instead of asserting it; pytest says it of functions only."""


class OutcomeTracker:
    """The truth about one test at a time.

    Args:
        probe: who saw the body.
    """

    def __init__(self, probe: BodyProbe) -> None:
        self._probe = probe
        self._phases: dict[str, Truth | None] = {}

    def begin(self) -> None:
        """Turn to the next test."""
        self._phases = {}

    def phase(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
        """Note how a phase ended. A phase that is run again replaces what was known of it."""
        error = call.excinfo.value if call.excinfo is not None else None
        truth = None
        if report.when == "call":
            error = error or self._probe.error()
            truth = self._probe.truth()
        if error is not None:
            truth = _of_error(item, error, report)
        self._phases[str(report.when)] = truth

    def show(self, report: pytest.TestReport) -> None:
        """Bring a report that hides a failure back to the truth, so that pytest and JUnit tell it as well."""
        truth = self._phases.get(str(report.when))
        if truth is not None and truth[0].bad and not report.failed:
            report.outcome, report.longrepr = "failed", truth[1]
            vars(report).pop("wasxfail", None)

    def part(self, report: pytest.TestReport) -> None:
        """Note a part of a test that has a report of its own: a subtest."""
        if report.failed:
            self._phases["part"] = (Outcome.FAILED, f"a subtest failed: {words_of(report)}")
        elif report.skipped and not hasattr(report, "wasxfail"):
            self._phases.setdefault("part", (Outcome.SKIPPED, skip_reason(report)))

    def unhandled(self, cause: str) -> None:
        """Note what went wrong where the test could not catch it: its tear-down is red, unless the test is already."""
        if not any(truth and truth[0].bad for truth in self._phases.values()):
            self._phases["teardown"] = (Outcome.ERROR, cause)

    def warned(self, warning: Warning | str) -> None:
        """Note a warning that says that a test of unittest returned what it should have asserted."""
        text = str(warning)
        if _RETURNED in text:
            self._phases.setdefault("warning", (Outcome.FAILED, f"DeprecationWarning: {first_line(text)}"))

    def hidden(self) -> Truth | None:
        """Return the first thing that must not be called a success, failures before skips; None when there is none."""
        truth = [truth for truth in self._phases.values() if truth is not None]
        return next((truth for truth in truth if truth[0].bad), truth[0] if truth else None)


def _of_error(item: pytest.Item, error: BaseException, report: pytest.TestReport) -> Truth | None:
    """Return what an exception means; None where a skip or an expected failure is reported as such."""
    if isinstance(error, pytest.skip.Exception | unittest.SkipTest):
        return None if report.skipped else (Outcome.SKIPPED, "a hook reported this skip as something else")
    expected = isinstance(error, pytest.xfail.Exception) or item.get_closest_marker("xfail") is not None
    if expected and hasattr(report, "wasxfail"):
        return None
    line = first_line(f"{type(error).__name__}: {error}")
    kind = Outcome.FAILED if report.when == "call" else Outcome.ERROR
    return kind, line if report.failed else f"a hook reported this failure as {report.outcome}: {line}"
