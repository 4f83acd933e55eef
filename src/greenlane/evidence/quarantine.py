"""Tests that are known to be flaky: what history says of them, and what the committed ledger excuses."""

from __future__ import annotations

import msgspec

from greenlane.evidence.outcome import Outcome


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One quarantined test, as the ledger holds it. Days are written as `2026-01-31` and are days of UTC.

    Attributes:
        test: node id; lane: the lane that it is quarantined in.
        since: day on which it was quarantined; expires: last day on which the entry excuses it.
        flakes: times of the flakes that led here, as `2026-01-31T12:00:00Z`.
        runs: runs of the test in the days that were looked at: two flakes in ten runs are another thing than in ten
            thousand.
        evidence: what each flake rests on, one line each.
        owner: who repairs it; empty for nobody yet.
        why: the reason for people; who: put it here.
        issue: address of the issue, or the file that is ready to be posted as one; empty for none.
    """

    test: str
    lane: str
    since: str
    expires: str
    flakes: tuple[str, ...] = ()
    runs: int = 0
    evidence: tuple[str, ...] = ()
    owner: str = ""
    issue: str = ""
    why: str = ""
    who: str = ""


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a quarantined test in one run.

    Attributes:
        check: the lane or shard that ran it.
        outcome: how it ended; None when it has no outcome.
        cause: first line of what went wrong.
        excused: whether a failure of it does not gate; where it does, `reason` says why.
    """

    entry: Entry
    check: str
    outcome: Outcome | None = None
    cause: str = ""
    excused: bool = True
    reason: str = ""


class FlakyTest(msgspec.Struct, frozen=True, kw_only=True):
    """A test that both passed and failed on the same tree, as history tells it. Times are Unix seconds.

    Attributes:
        test: node id; lane: where it ran.
        flakes: when each flake of the days that were looked at was seen, oldest first.
        runs: outcomes of the test in those days that count; failures: how many of them were bad.
        seen_in: runs in which it failed, oldest first.
        together: other flaky tests that fail in the same runs.
        cause: first line of its last failure.
        quarantined: whether the ledger has an entry for it.
    """

    test: str
    lane: str
    flakes: tuple[float, ...]
    runs: int
    failures: int
    seen_in: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    cause: str = ""
    quarantined: bool = False
