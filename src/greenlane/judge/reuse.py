"""Which evidence may be kept for later runs: green, whole, steady, and of a lane that nothing outside can change."""

from __future__ import annotations

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.verdict import Status, Verdict
from greenlane.evidence.violation import Code

UNSTEADY = frozenset({Code.FLAKY_IN_CORE})
"""Findings after which the same inputs may give another result."""


def worth_keeping(evidence: LaneEvidence, verdict: Verdict) -> bool:
    """Return whether evidence that was just judged stays valid as long as nothing that the lane could see differs.

    Warnings are no hindrance: evidence is judged anew whenever it is used, and says them again.
    """
    record, journal = evidence.record, evidence.journal
    status = next((check.status for check in verdict.checks if check.name == record.check), Status.FAILED)
    unsteady = any(w.code in UNSTEADY for w in verdict.warnings if w.check == record.check) or bool(journal.repeats)
    failed = any(test.outcome.bad for test in journal.outcomes)
    fresh = bool(record.seen) and not evidence.vouched
    return fresh and status is Status.PASSED and not (unsteady or failed or journal.narrowing)
