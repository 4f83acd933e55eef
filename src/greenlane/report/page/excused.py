"""What was not run, and what the ledger excuses."""

from __future__ import annotations

from greenlane.evidence.verdict import Verdict
from greenlane.report.page.markup import code, table
from greenlane.report.page.parts import Section, more, section

SHOWN = 200


def skips(verdict: Verdict) -> Section | None:
    """Return what was skipped, by place and reason; None for nothing."""
    found = [(check.name, one) for check in verdict.checks for one in check.skips]
    if not found:
        return None
    rows = [(f"{one.tests:,}", code(one.place), one.reason or "no reason", name) for name, one in found[:SHOWN]]
    heads = ("tests", "place", "reason", "check")
    return section(
        "skips", "Skipped", table("Skipped tests", heads, rows, numbers=(0,)), more(len(rows), len(found), "places"),
        count=sum(one.tests for _, one in found),
    )  # fmt: skip


def excused(verdict: Verdict) -> Section | None:
    """Return the entries of the ledger that excused something; None for none."""
    found = verdict.excused
    if not found:
        return None
    rows = [(code(one.what), f"{one.tests:,}", one.why, one.since, one.who) for one in found[:SHOWN]]
    heads = ("entry", "tests", "why", "since", "accepted by")
    return section(
        "excused", "Excused by the ledger", table("Excused by the ledger", heads, rows, numbers=(1,)),
        more(len(rows), len(found), "entries"), count=len(found), short="Excused",
    )  # fmt: skip
