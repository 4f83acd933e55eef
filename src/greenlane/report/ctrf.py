"""The verdict as CTRF, the Common Test Report Format (https://ctrf.io): every test once, with its earlier attempts."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.outcome import Attempt, Outcome, TestOutcome
from greenlane.evidence.verdict import Verdict
from greenlane.judge.causes import Cause, group
from greenlane.report.failures import WORDS, gating, heard, is_large, tests_of
from greenlane.report.lines import origin, row
from greenlane.report.machine import written
from greenlane.version import VERSION

SHOWN = 200
"""Causes that are no failed test, each as a case of its own."""

SPECIFICATION = "0.0.0"
STATUSES = {
    Outcome.PASSED: "passed", Outcome.XPASSED: "passed", Outcome.FAILED: "failed", Outcome.ERROR: "failed",
    Outcome.SKIPPED: "skipped", Outcome.XFAILED: "other",
}  # fmt: skip
NAMESPACE = uuid.UUID("3f0a3a52-6a5e-5d0b-9f1c-6a1f6c1f3f11")
"""Of the identifiers of tests, which are the same in every run."""


def as_ctrf(verdict: Verdict, evidence: Sequence[LaneEvidence] = ()) -> str:
    """Return CTRF JSON. A test has the status `failed` in it exactly when the exit code is not 0."""
    texts, red, bad, tests = heard(verdict, evidence), gating(verdict), set(), []
    lean = is_large(evidence)
    for item in evidence:
        for test in tests_of(item):
            key = (item.record.check, test.nodeid)
            tests.append(_test(test, item.record.check, texts.get(key, ""), gating=key in red, lean=lean))
            if test.outcome.bad:
                bad.add(key)
    causes = group([v for v in verdict.violations if (v.check, v.subject) not in bad])
    tests += [_beside(cause) for cause in causes[:SHOWN]]
    if len(causes) > SHOWN:
        more = f"{len(causes) - SHOWN:,} more causes"
        tests.append({"name": more, "status": "failed", "duration": 0, "suite": ["greenlane", "verdict"]})
    return written(
        {"reportFormat": "CTRF", "specVersion": SPECIFICATION, "results": _results(verdict, evidence, tests)}
    )


def _results(verdict: Verdict, evidence: Sequence[LaneEvidence], tests: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what belongs to the run."""
    counts = Counter(test["status"] for test in tests)
    start = min((item.record.result.started_at for item in evidence), default=verdict.made_at)
    stop = max((item.record.result.finished_at for item in evidence), default=verdict.made_at)
    reused = {check.name: text for check in verdict.checks if (text := origin(check))}
    fields = {"word": verdict.word, "ready": verdict.ready, "exit_code": verdict.exit_code, "policy": verdict.policy,
              "reused": reused}  # fmt: skip
    return {
        "tool": {"name": "greenlane", "version": VERSION},
        "summary": {
            "tests": len(tests),
            **{status: counts[status] for status in ("passed", "failed", "pending", "skipped", "other")},
            "flaky": sum(bool(test.get("flaky")) for test in tests),
            "suites": len({tuple(test["suite"]) for test in tests}),
            "start": _milliseconds(start),
            "stop": _milliseconds(stop),
            "duration": _milliseconds(stop - start),
        },
        "tests": tests,
        "environment": {"healthy": verdict.exit_code == 0, "extra": {"tree": verdict.tree, "run": verdict.run_id}},
        "extra": {"greenlane": fields},
    }


def _test(test: TestOutcome, check: str, text: str, *, gating: bool, lean: bool) -> dict[str, Any]:
    """Return one test; what failed and does not make the verdict red is `other`.

    Args:
        lean: without what follows from the rest.
    """
    path, _, rest = test.nodeid.partition("::")
    name, bracket, parameters = rest.partition("[")
    *classes, name = name.split("::")
    status = STATUSES[test.outcome] if gating or not test.outcome.bad else "other"
    entry: dict[str, Any] = {
        "name": f"{name}{bracket}{parameters}" or test.nodeid or check,
        "status": status,
        "duration": _milliseconds(test.duration),
        "suite": [check, *filter(None, (path, *classes))],
    }
    if not lean:
        nodeid = f"{check}:{test.nodeid}".encode("utf-8", "backslashreplace").decode()
        entry = {
            "id": str(uuid.uuid5(NAMESPACE, nodeid)), **entry, "rawStatus": test.outcome.value, "filePath": path,
            "threadId": test.worker, "flaky": test.flaky, "extra": {"nodeid": test.nodeid},
        }  # fmt: skip
    elif test.flaky:
        entry["flaky"] = True
    if test.at:
        entry |= {"start": _milliseconds(test.at - test.duration), "stop": _milliseconds(test.at)}
    if message := test.cause or test.reason:
        entry["message"] = message[:WORDS] if lean else message
    if text:
        entry["trace"] = text
    if test.earlier:
        entry["retries"] = len(test.earlier)
        entry["retryAttempts"] = [_attempt(number, attempt) for number, attempt in enumerate(test.earlier, 1)]
    return entry


def _attempt(number: int, attempt: Attempt) -> dict[str, Any]:
    """Return a run of a test before the one that counts."""
    fields = {"attempt": number, "status": STATUSES[attempt.outcome], "duration": _milliseconds(attempt.duration)}
    return {**fields, "message": attempt.cause} if attempt.cause else fields


def _beside(cause: Cause) -> dict[str, Any]:
    """Return a reason for red that is no failed test, as a case of the harness's own."""
    violation = cause.head
    return {
        "name": f"{violation.code.value} {violation.subject}".strip(),
        "status": "failed",
        "duration": 0,
        "suite": ["greenlane", violation.check or "verdict"],
        "message": row(cause),
        "type": "verdict",
        "flaky": False,
        "extra": {"code": violation.code.value, "next": violation.next_step},
    }


def _milliseconds(seconds: float) -> int:
    """Return a time in whole milliseconds."""
    return round(seconds * 1000)
