"""The first entries of a ledger: what a survey saw, with its evidence."""

from __future__ import annotations

from collections.abc import Iterable

from greenlane.adopt.placement import Layout, Observed, Place, Placed
from greenlane.evidence.ledger import Facts, Ledger, MoveEntry, SkipEntry
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.judge.lasting import lasting
from greenlane.judge.skip_causes import suggested_cause

WHO = "greenlane survey"


def unrunnable(observed: Observed, placed: Iterable[Placed]) -> list[TestOutcome]:
    """Return the tests of `core` that were skipped, or expected to fail without being run."""
    core = {test.nodeid for test in placed if test.place is Place.CORE}
    idle = (Outcome.SKIPPED, Outcome.XFAILED)
    return [t for t in observed.first.outcomes if t.nodeid in core and t.outcome in idle and not t.ran]


def skip_entries(
    skipped: Iterable[TestOutcome], conditions: dict[str, str], facts: Facts, today: str
) -> tuple[list[SkipEntry], list[TestOutcome]]:
    """Return an entry for each file and reason whose cause is known, and the tests whose cause is not.

    Args:
        skipped: the tests; conditions: text of the condition under which each is skipped, by node id.
        facts: of the run; today: the day of UTC, `2026-01-31`.
    """
    entries: dict[tuple[str, str, str, str], SkipEntry] = {}
    unknown = []
    for test in skipped:
        found = suggested_cause(test.reason, facts) or suggested_cause(conditions.get(test.nodeid, ""), facts)
        if found is None or not test.reason:
            unknown.append(test)
            continue
        file = test.nodeid.split("::")[0]
        why = f"skipped when it was surveyed: needs {found[0]} {found[1]}"
        fields = {"test": f"{file}*", "reason": lasting(test.reason), "why": why, "since": today, "who": WHO}
        entries[file, fields["reason"], *found] = SkipEntry(**fields, **{found[0]: found[1]})
    return list(entries.values()), unknown


def move_entries(layout: Layout, today: str) -> list[MoveEntry]:
    """Return an entry for each test, or group of cases, that belongs to another lane than its file."""
    return [
        MoveEntry(
            test=row.nodeid if "::" in row.nodeid else f"{row.nodeid}*", lane=row.place.value, evidence=(row.why,),
            why=WHY[row.place], since=today, who=WHO,
        )
        for row in layout.rows
    ]  # fmt: skip


WHY = {
    Place.ND: "needs something of the machine that a hermetic lane has not, or differs between equal runs",
    Place.RELEASE: "calls a host outside, or needs a secret",
    Place.BROKEN: "fails by itself, under plain pytest, too",
}
"""Why a test was moved, by where to."""


def seed(layout: Layout, skips: Iterable[SkipEntry], today: str) -> Ledger:
    """Return the ledger of a survey."""
    return Ledger(skips=tuple(skips), moves=tuple(move_entries(layout, today)))
