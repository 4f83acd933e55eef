"""The words that every report shares."""

from __future__ import annotations

from greenlane.evidence.outcome import Outcome
from greenlane.evidence.verdict import CONFIGURATION, Check, Status, Verdict
from greenlane.evidence.violation import Violation
from greenlane.judge.causes import Cause, group
from greenlane.report.variance import models_of

WORDS = {Status.PASSED: "PASS", Status.FAILED: "FAIL", Status.SKIPPED: "SKIP"}
SHOWN_CAUSES = 50
"""Causes and violations that a terminal shows; files hold all of them."""


def clean(text: str) -> str:
    """Return text of which a terminal shows every character: no control character, escape sequence or line break."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def counts(check: Check) -> str:
    """Return `12 passed, 1 skipped`, worst last; empty without tests."""
    order = (Outcome.PASSED, Outcome.SKIPPED, Outcome.XFAILED, Outcome.XPASSED, Outcome.FAILED, Outcome.ERROR)
    return ", ".join(f"{check.counts[o]} {o.value}" for o in order if check.counts.get(o))


def detail(check: Check) -> str:
    """Return what a row of the verdict says beside name and status."""
    parts = [counts(check), f"{check.duration:.1f} s" if check.duration else "", check.reason]
    parts.append(models_of(check))
    record = check.record
    if record is not None and record.coverage is not None:
        parts.append(f"coverage {record.coverage:.2f} %")
    return clean("; ".join(part for part in parts if part))


def line(violation: Violation) -> str:
    """Return a violation as one line, `CODE [check] message`."""
    where = f" [{violation.check}]" if violation.check else ""
    return clean(f"{violation.code.value}{where} {violation.message}")


def reason(violation: Violation) -> str:
    """Return a violation as a line of its own. One of a wrong setting begins with `CONFIG_ERROR:`, before its code."""
    return f"{'CONFIG_ERROR' if violation.code in CONFIGURATION else 'VIOLATION'}: {line(violation)}"


def causes(verdict: Verdict) -> list[str]:
    """Return one `CAUSE:` line for each test, file or service that went wrong, and none for what repeats another."""
    lines: dict[str, None] = {}
    for cause in group(verdict.violations):
        head = cause.head
        others = [violation for violation in cause.related if violation.subject != head.subject]
        for violation in (head, *others):
            if violation.cause and violation.subject:
                lines[clean(f"CAUSE: {violation.subject} — {violation.cause}")] = None
    return list(lines)


def also(cause: Cause) -> list[str]:
    """Return what is folded under a cause, one line for each code, with the number of those that it stands for."""
    by_code: dict[str, list[Violation]] = {}
    for violation in cause.related:
        by_code.setdefault(violation.code, []).append(violation)
    return [f"{line(own[0])}{f' (and {len(own) - 1} more)' if len(own) > 1 else ''}" for own in by_code.values()]


def next_steps(verdict: Verdict) -> list[str]:
    """Return the step to take for each kind of violation, once."""
    return list(dict.fromkeys(f"{v.code.value}: {v.next_step}" for v in verdict.violations))


def endpoints(verdict: Verdict) -> dict[str, dict[str, str]]:
    """Return the address variables by check."""
    return {check.name: check.record.endpoints for check in verdict.checks if check.record and check.record.endpoints}


def headline(verdict: Verdict) -> str:
    """Return `READY (policy dev)`, or `core: GREEN` for a single lane."""
    strict = ", strict" if verdict.strict else ""
    if verdict.lane:
        return f"{verdict.lane}: {verdict.word}{strict}"
    return f"{verdict.word} (policy {verdict.policy}{strict})"
