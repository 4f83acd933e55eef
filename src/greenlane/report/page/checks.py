"""The checks: one row for each lane, shard and live provider."""

from __future__ import annotations

from greenlane.evidence.outcome import Outcome
from greenlane.evidence.verdict import Check, Status, Verdict
from greenlane.report.lines import WORDS, origin
from greenlane.report.page.markup import Markup, Section, join, seconds, section, table, tag

HEADS = ("check", "status", "tests", "passed", "failed", "skipped", "time", "coverage", "required", "why")


def badge(status: Status) -> Markup:
    """Return a status as a coloured word."""
    return tag("span", WORDS[status], class_=f"badge {status.value}")


def section_of(verdict: Verdict) -> Section:
    """Return the table of the checks."""
    rows = [_row(check) for check in verdict.checks]
    return section("checks", "Checks", table("Checks", HEADS, rows, numbers=(2, 3, 4, 5, 6, 7)), count=len(rows))


def _row(check: Check) -> tuple[str, ...]:
    bad = check.counts.get(Outcome.FAILED, 0) + check.counts.get(Outcome.ERROR, 0)
    record = check.record
    measured = record.coverage if record is not None else None
    return (
        tag("b", check.name),
        badge(check.status),
        _number(sum(check.counts.values())),
        _number(check.counts.get(Outcome.PASSED, 0)),
        _number(bad, "bad" if bad else None),
        _number(check.counts.get(Outcome.SKIPPED, 0)),
        seconds(check.duration) if check.duration else "",
        "" if measured is None else f"{measured:.1f} %",
        "yes" if check.required else "no",
        _why(check),
    )


def _number(count: int, style: str | None = None) -> Markup:
    return tag("span", f"{count:,}" if count else "–", class_=style or (None if count else "none"))


def _why(check: Check) -> Markup:
    """Return what else is to be said: a reason, a lower level of isolation."""
    record = check.record
    lower = ""
    if record is not None and record.kind == "deterministic" and record.result.hermetic != "kernel":
        lower = f"hermetic level {record.result.hermetic}"
    return join("; ".join(filter(None, (check.reason, lower, origin(check)))))
