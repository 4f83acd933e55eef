"""The verdict as JUnit: one suite of the checks, then one for each lane or shard with its tests.

A test that was run again is one case that says so, as Maven Surefire writes it: `flakyFailure` when it passed in the
end, `rerunFailure` when it did not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.outcome import Outcome
from greenlane.evidence.verdict import Status, Verdict
from greenlane.evidence.violation import Violation
from greenlane.judge.causes import group
from greenlane.judge.examiners.artifacts import junit_key
from greenlane.report.failures import WORDS, gating, heard, is_large, tests_of
from greenlane.report.lines import also, row

SHOWN = 200
"""Causes of one check."""

_ILLEGAL = r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
"""What XML cannot hold, not even as a reference. It is dear to compile, and few runs need it."""


def as_junit(verdict: Verdict, evidence: Sequence[LaneEvidence] = ()) -> str:
    """Return JUnit XML. It holds a failure exactly when the exit code is not 0."""
    root = ElementTree.Element("testsuites")
    root.append(_checks(verdict))
    texts, red = heard(verdict, evidence), gating(verdict)
    longest = WORDS if is_large(evidence) else None
    root.extend(_lane(item, texts, red, longest) for item in evidence)
    if longest is None:
        ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _checks(verdict: Verdict) -> ElementTree.Element:
    """Return the suite of the checks, with one more case for what is of no failed check."""
    failed = {check.name for check in verdict.checks if check.status is Status.FAILED}
    stray = [violation for violation in verdict.violations if violation.check not in failed]
    suite = ElementTree.Element("testsuite", name="greenlane")
    for check in verdict.checks:
        case = _case(suite, "greenlane", check.name, check.duration)
        if check.status is Status.FAILED:
            _failure(case, [violation for violation in verdict.violations if violation.check == check.name])
        elif check.status is Status.SKIPPED:
            ElementTree.SubElement(case, "skipped", message=_clean(check.reason))
    if stray:
        _failure(_case(suite, "greenlane", "verdict", 0.0), stray)
    return _counted(suite)


def _lane(
    item: LaneEvidence, texts: dict[tuple[str, str], str], red: set[tuple[str, str]], longest: int | None
) -> ElementTree.Element:
    """Return the suite of one lane or shard.

    Args:
        texts: what tests said; red: those that gate; longest: characters of a cause, None for all.
    """
    began = datetime.fromtimestamp(item.record.result.started_at, UTC).isoformat(timespec="seconds")
    suite = ElementTree.Element("testsuite", name=_clean(item.record.check), timestamp=began)
    for test in tests_of(item):
        key = (item.record.check, test.nodeid)
        case = _case(suite, *junit_key(test.nodeid), test.duration)
        again = "rerunFailure" if test.outcome.bad else "flakyFailure"
        if test.outcome.bad and key in red:
            failure = ElementTree.SubElement(case, "failure", message=_clean(test.cause[:longest]))
            failure.text = _clean(texts.get(key, ""))
        elif test.outcome.bad:
            ElementTree.SubElement(case, "skipped", message=_clean(f"failed and does not gate: {test.cause[:longest]}"))
        elif test.outcome in (Outcome.SKIPPED, Outcome.XFAILED):
            ElementTree.SubElement(case, "skipped", message=_clean(test.reason[:longest]))
        for attempt in test.earlier:
            if attempt.outcome.bad:
                ElementTree.SubElement(case, again, message=_clean(attempt.cause), type=attempt.outcome.value)
    return _counted(suite)


def _case(suite: ElementTree.Element, classname: str, name: str, seconds: float) -> ElementTree.Element:
    """Add a case to a suite."""
    return ElementTree.SubElement(
        suite, "testcase", classname=_clean(classname), name=_clean(name), time=f"{seconds:.3f}"
    )


def _failure(case: ElementTree.Element, violations: list[Violation]) -> None:
    """Add the causes of a check to its case."""
    causes = group(violations)
    lines = [line for cause in causes[:SHOWN] for line in (row(cause), *(f"  also: {one}" for one in also(cause)))]
    lines = lines or ["failed"]
    if len(causes) > SHOWN:
        lines.append(f"… and {len(causes) - SHOWN:,} more causes")
    ElementTree.SubElement(case, "failure", message=_clean(lines[0])).text = _clean("\n".join(lines))


def _counted(suite: ElementTree.Element) -> ElementTree.Element:
    """Return a suite with the counts of its cases."""
    counts = {"tests": len(suite), "errors": 0}
    counts |= {tag: len(suite.findall(f"testcase/{tag}")) for tag in ("failure", "skipped")}
    counts["failures"] = counts.pop("failure")
    for name, count in counts.items():
        suite.set(name, str(count))
    return suite


def _clean(text: str) -> str:
    """Return text that XML can hold."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(_ILLEGAL, "\N{REPLACEMENT CHARACTER}", text)
