"""From what a run found unlisted to entries of the ledger that would excuse it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from greenlane.evidence.evidence import LaneEvidence, Requirements
from greenlane.evidence.ledger import Facts, LeakEntry, SkipEntry
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.evidence.quarantine import Entry
from greenlane.evidence.violation import Code
from greenlane.judge.examiners.isolation import leaks
from greenlane.judge.examiners.outcomes import skips
from greenlane.judge.excuses import Excuses, facts_of
from greenlane.judge.lasting import lasting
from greenlane.judge.ledger import Known
from greenlane.judge.quarantine import ledger_violations
from greenlane.judge.skip_causes import needs_met, suggested_cause

FEW = 3
"""Tests of one file up to which each has an entry of its own; more are meant by a pattern of the file."""


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """What would be accepted, and what cannot be.

    Attributes:
        leaks: entries for leaks; skips: entries for skips.
        open: what has no cause that holds, as node id and why not.
    """

    leaks: tuple[LeakEntry, ...] = ()
    skips: tuple[SkipEntry, ...] = ()
    open: tuple[tuple[str, str], ...] = ()


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """Who accepts, and why.

    Attributes:
        why: the reason for people; since: today, as a day of UTC; who: accepts it.
        cause: name and value of the cause of every skip; None to look for one in the words of each.
    """

    why: str
    since: str
    who: str
    cause: tuple[str, str] | None = None

    @property
    def said(self) -> dict[str, str]:
        """The fields that every entry has."""
        return {"why": self.why, "since": self.since, "who": self.who}


def acceptable(requirements: Requirements, evidence: Sequence[LaneEvidence], acceptance: Acceptance) -> Accepted:
    """Return entries for every leak and skip of the evidence that is red and not listed."""
    excuses = Excuses(requirements, evidence)
    things: dict[tuple[str, str], list[str]] = {}
    by_reason: dict[tuple[str, str, tuple[str, str]], list[str]] = {}
    unexplained: list[tuple[str, str]] = []
    for item in evidence:
        lane = requirements.variants.get(item.record.lane, item.record.lane)
        outcomes = {test.nodeid: test for test in item.journal.outcomes}
        found = (*leaks(item, requirements), *skips(item, requirements))
        for violation in excuses.excuse(found, item):
            if not violation.gating:
                continue
            if violation.code is Code.LEAK and violation.thing:
                things.setdefault((lane, lasting(violation.thing)), []).append(violation.subject)
            elif violation.code is Code.SKIPPED and violation.subject in outcomes:
                test = outcomes[violation.subject]
                cause, problem = _cause(acceptance, test, facts_of(item))
                if cause is None:
                    unexplained.append((test.nodeid, problem))
                else:
                    by_reason.setdefault((lane, lasting(test.reason), cause), []).append(test.nodeid)
    return Accepted(
        leaks=tuple(
            LeakEntry(what=thing, test=pattern, lane=lane, **acceptance.said)
            for (lane, thing), tests in things.items()
            for pattern in patterns(tests)
        ),
        skips=tuple(
            SkipEntry(test=pattern, reason=reason or "*", lane=lane, **dict([cause]), **acceptance.said)
            for (lane, reason, cause), tests in by_reason.items()
            for pattern in patterns(tests)
        ),
        open=tuple(dict.fromkeys(unexplained)),
    )


def gone(requirements: Requirements, evidence: Sequence[LaneEvidence]) -> list[Known | Entry]:
    """Return the entries of the ledger that excuse nothing any more, as far as the evidence tells."""
    excuses = Excuses(requirements, evidence)
    for item in evidence:
        for _ in excuses.excuse((*leaks(item, requirements), *skips(item, requirements)), item):
            pass
    strict = msgspec.structs.replace(requirements, strict=False)
    lost = {v.subject for v in ledger_violations(strict, evidence) if not v.gating}
    return [*excuses.gone(), *(entry for entry in requirements.ledger.quarantined if entry.test in lost)]


def _cause(acceptance: Acceptance, test: TestOutcome, facts: Facts) -> tuple[tuple[str, str] | None, str]:
    """Return the cause of a skip that holds for the run, or why there is none."""
    cause = acceptance.cause or suggested_cause(test.reason, facts)
    reason = test.reason or ("skipped" if test.outcome is Outcome.SKIPPED else "not run")
    if cause is None:
        return None, f"its reason names no cause that can be checked: {reason}"
    entry = SkipEntry(test=test.nodeid, **dict([cause]), **acceptance.said)
    if cause[0] != "elsewhere" and needs_met(entry, facts) is not False:
        return None, f"{cause[0]} {cause[1]} does not keep it from running here: {reason}"
    return cause, ""


def patterns(nodeids: Iterable[str]) -> list[str]:
    """Return patterns that mean tests: their names where they are few in a file, else one of the file."""
    files: dict[str, list[str]] = {}
    for nodeid in dict.fromkeys(nodeids):
        files.setdefault(nodeid.partition("::")[0], []).append(nodeid)
    return [one for file, own in files.items() for one in (own if len(own) <= FEW else [f"{file}::*"])]
