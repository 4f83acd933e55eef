"""What was not run, what ledger and quarantine excuse, and what history knows of tests that flake."""

from __future__ import annotations

import time

from greenlane.evidence.quarantine import FlakyTest, Quarantined
from greenlane.evidence.verdict import Verdict
from greenlane.report.page.markup import Markup, Section, code, join, listing, tag
from greenlane.report.page.tests import outcome_word


def skips(verdict: Verdict) -> Section | None:
    """Return what was skipped, by place and reason; None for nothing."""
    rows = [
        (f"{one.tests:,}", code(one.place), one.reason or "no reason", check.name)
        for check in verdict.checks for one in check.skips
    ]  # fmt: skip
    count = sum(one.tests for check in verdict.checks for one in check.skips)
    heads = ("tests", "place", "reason", "check")
    return listing("skips", "Skipped", heads, rows, tuple, "places", caption="Skipped tests", numbers=(0,), count=count)


def excused(verdict: Verdict) -> Section | None:
    """Return the entries of the ledger that excused something; None for none."""
    rows = [(code(one.what), f"{one.tests:,}", one.why, one.since, one.who) for one in verdict.excused]
    heads = ("entry", "tests", "why", "since", "accepted by")
    return listing("excused", "Excused by the ledger", heads, rows, tuple, "entries", numbers=(1,), short="Excused")


def history(verdict: Verdict) -> Section | None:
    """Return the tests that flaked lately, most flakes first; None for none."""
    heads = ("test", "lane", "flakes", "failed runs", "seen", "last cause", "fails together with")
    return listing("flakes", "Flake history", heads, verdict.flaky, _flaky, numbers=(2, 3), short="Flakes")


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
    heads = ("test", "check", "outcome", "since", "expires", "owner", "issue", "gates")
    return listing("quarantine", "Quarantine", heads, verdict.quarantined, _quarantined, caption="Quarantined tests")


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
