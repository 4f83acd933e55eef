"""What history knows of tests that flake, and what became of those that are quarantined."""

from __future__ import annotations

import time

from greenlane.evidence.quarantine import FlakyTest, Quarantined
from greenlane.evidence.verdict import Verdict
from greenlane.report.page.markup import Markup, code, join, table, tag
from greenlane.report.page.parts import Section, more, section
from greenlane.report.page.tests import outcome_word

SHOWN = 200


def history(verdict: Verdict) -> Section | None:
    """Return the tests that flaked lately, most flakes first; None for none."""
    found = verdict.flaky
    if not found:
        return None
    heads = ("test", "lane", "flakes", "failed runs", "seen", "last cause", "fails together with")
    rows = [_flaky(test) for test in found[:SHOWN]]
    return section(
        "flakes", "Flake history", table("Flake history", heads, rows, numbers=(2, 3)),
        more(len(rows), len(found), "tests"), count=len(found),
        short="Flakes",
    )  # fmt: skip


def _flaky(test: FlakyTest) -> tuple[str, ...]:
    share = test.failures / test.runs if test.runs else 0.0
    mark = tag("span", "quarantined", class_="badge quarantined") if test.quarantined else None
    return (
        join(code(test.test), " " if mark else None, mark),
        test.lane,
        f"{len(test.flakes)}",
        f"{test.failures} of {test.runs} ({share:.1%})",
        join(*(join(tag("time", day(moment)), " ") for moment in test.flakes[-3:])),
        test.cause,
        join(*(tag("div", code(other)) for other in test.together)),
    )


def quarantine(verdict: Verdict) -> Section | None:
    """Return the quarantined tests of this run; None for none."""
    found = verdict.quarantined
    if not found:
        return None
    heads = ("test", "check", "outcome", "since", "expires", "owner", "issue", "gates")
    rows = [_quarantined(item) for item in found[:SHOWN]]
    return section(
        "quarantine", "Quarantine", table("Quarantined tests", heads, rows), more(len(rows), len(found), "tests"),
        count=len(found),
    )  # fmt: skip


def _quarantined(item: Quarantined) -> tuple[str, ...]:
    entry = item.entry
    return (
        code(entry.test),
        item.check,
        _how(item),
        tag("time", entry.since),
        tag("time", entry.expires),
        entry.owner or "nobody yet",
        entry.issue or "none",
        "no" if item.excused else f"yes: {item.reason}",
    )


def _how(item: Quarantined) -> Markup:
    """Return how a quarantined test ended."""
    word = outcome_word(item.outcome) if item.outcome else tag("span", "no outcome", class_="badge failed")
    return join(word, f" {item.cause}")


def day(moment: float) -> str:
    """Return the day of a time (Unix seconds)."""
    return time.strftime("%Y-%m-%d", time.gmtime(moment))
