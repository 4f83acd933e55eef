"""What the ledger excuses, and when an entry is due."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence

import msgspec

from greenlane.config.schema import Quarantine
from greenlane.evidence.evidence import LaneEvidence, Requirements
from greenlane.evidence.ledger import Ledger
from greenlane.evidence.quarantine import Entry, FlakyTest, Quarantined
from greenlane.evidence.violation import Code, Violation
from greenlane.judge.flakes import Flake, explain

EXCUSABLE = frozenset({Code.FAILED, Code.ERROR, Code.TIMED_OUT, Code.FLAKY_IN_CORE})
"""What a quarantined test may do without gating. That it crashes, leaks or is skipped is no flake."""


def day_of(at: float) -> str:
    """Return the day of UTC that a moment (Unix seconds) lies on, `2026-01-31`."""
    return datetime.datetime.fromtimestamp(at, datetime.UTC).date().isoformat()


def day_number(day: str) -> int:
    """Return a day as days of UTC since 1970."""
    return (datetime.date.fromisoformat(day) - datetime.date(1970, 1, 1)).days


def moment_of(text: str) -> float:
    """Return an ISO day or time as Unix seconds, UTC where it names no zone.

    Raises:
        ValueError: it is neither.
    """
    parsed = datetime.datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.UTC)).timestamp()


def is_day(text: str) -> bool:
    """Return whether a text is a day as we write it: days are compared as text."""
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def stamp(at: float) -> str:
    """Return a moment (Unix seconds) as `2026-01-31T12:00:00Z`."""
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def later(day: str, days: int) -> str:
    """Return the day so many days after another."""
    return (datetime.date.fromisoformat(day) + datetime.timedelta(days=days)).isoformat()


def wrong_with(ledger: Ledger, lanes: Iterable[str]) -> list[str]:
    """Return what is wrong with a ledger, each as `<test>: <what is wrong, what is allowed>`."""
    known, seen, found = tuple(lanes), set(), []
    for entry in ledger.quarantined:
        if "::" not in entry.test:
            found.append(f"{entry.test!r}: one test is needed, as path::name; a file cannot be quarantined")
        if entry.lane not in known:
            found.append(f"{entry.test}: unknown lane {entry.lane!r}; known: {', '.join(known)}")
        if (entry.lane, entry.test) in seen:
            found.append(f"{entry.test}: there are two entries for lane {entry.lane}")
        seen.add((entry.lane, entry.test))
        for key in ("since", "expires"):
            if not is_day(getattr(entry, key)):
                found.append(f"{entry.test}: {key}: {getattr(entry, key)!r} is not a day such as 2026-01-31")
    return found


def ended(entry: Entry, today: str) -> str:
    """Return why an entry excuses nothing (any more); empty while it does."""
    if not entry.issue:
        return "it has no issue"
    return f"it expired on {entry.expires}" if entry.expires < today else ""


def quarantined(evidence: LaneEvidence, requirements: Requirements) -> tuple[Quarantined, ...]:
    """Return the quarantined tests of a check that were to run here, and what became of each."""
    journal, record = evidence.journal, evidence.record
    outcomes = {test.nodeid: test for test in journal.outcomes}
    own = {*journal.selected, *outcomes}
    result = []
    for entry in requirements.ledger.quarantined:
        if entry.lane != record.lane or entry.test not in own:
            continue
        reason = ended(entry, requirements.today)
        if not reason and record.kind not in requirements.quarantine_kinds:
            reason = f"quarantine.kinds does not hold {record.kind}"
        test = outcomes.get(entry.test)
        quarantined_test = Quarantined(
            entry=entry, check=record.check, outcome=test.outcome if test else None, cause=test.cause if test else "",
            excused=not reason, reason=reason,
        )  # fmt: skip
        result.append(quarantined_test)
    return tuple(result)


def excused_tests(evidence: LaneEvidence, requirements: Requirements) -> frozenset[str]:
    """Return the tests whose failure does not gate. Where the whole lane was killed nothing can be told apart."""
    if evidence.record.result.timed_out:
        return frozenset()
    return frozenset(q.entry.test for q in quarantined(evidence, requirements) if q.excused and q.outcome is not None)


def excuse(found: Iterable[Violation], evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """Yield violations; what a quarantined test may do without gating becomes a warning that says so."""
    excused = excused_tests(evidence, requirements) if requirements.ledger.quarantined else frozenset()
    for violation in found:
        if violation.gating and violation.code in EXCUSABLE and violation.subject in excused:
            message = f"quarantined, does not gate: {violation.message}"
            yield msgspec.structs.replace(violation, gating=False, message=message)
        else:
            yield violation


def ledger_violations(requirements: Requirements, evidence: Sequence[LaneEvidence]) -> Iterable[Violation]:
    """Yield QUARANTINE_EXPIRED for entries of the demanded lanes that are past their date, or name no issue or no test.

    An entry whose test is no longer there, for it was renamed or removed, is a warning until the run is strict.
    """
    lanes = {check.split("/")[0] for check in requirements.checks}
    collected = {lane: _collected(lane, evidence) for lane in lanes}
    for entry in requirements.ledger.quarantined:
        if entry.lane not in lanes:
            continue
        reason, gating = ended(entry, requirements.today), True
        if not reason and collected[entry.lane] and entry.test not in collected[entry.lane]:
            reason, gating = "no test of the lane has this name: it was renamed or removed", requirements.strict
        if reason:
            yield Violation(
                Code.QUARANTINE_EXPIRED, f"{entry.test}: {reason}", subject=entry.test, check=entry.lane,
                cause=f"its quarantine has ended: {reason}", path=entry.test.split("::")[0], gating=gating,
            )  # fmt: skip


def _collected(lane: str, evidence: Sequence[LaneEvidence]) -> frozenset[str]:
    """Return every test that a lane collected, in whichever shard."""
    return frozenset(test for item in evidence if item.record.lane == lane for test in item.journal.collected)


def is_due(flaky: FlakyTest, options: Quarantine) -> bool:
    """Return whether a test has flaked often enough, in the days that were looked at, to be quarantined."""
    return len(flaky.flakes) >= options.flakes


def new_entry(
    flaky: FlakyTest, flakes: Sequence[Flake], options: Quarantine, today: str, owner: str, who: str = ""
) -> Entry:
    """Return the ledger's entry for a flaky test; `who` has put it there."""
    times = tuple(stamp(flake.at) for flake in flakes)
    return Entry(
        test=flaky.test, lane=flaky.lane, since=today, expires=later(today, options.expires), flakes=times,
        runs=flaky.runs, evidence=explain(flakes, times), owner=owner, who=who or owner,
        why=f"it flaked {len(flakes)} times in {flaky.runs} runs",
    )  # fmt: skip
