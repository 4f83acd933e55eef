"""What may be concluded from a run, beyond that it went wrong, and which evidence may be kept for later ones."""

from __future__ import annotations

from collections.abc import Iterator

from greenlane.evidence.evidence import JournalFacts, LaneEvidence
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.evidence.verdict import Status, Verdict
from greenlane.evidence.violation import Code

_CONCLUSIVE = (0, 1)
"""Exit statuses of a pytest that ran its tests to the end."""


def broken_because(evidence: LaneEvidence) -> str:
    """Return why the outcomes of a run say nothing about its tests; empty when they do.

    A test that fails because a worker died beside it, the lane ran into its deadline, the environment had drifted or
    the files changed meanwhile is not flaky; neither does its pass prove anything.
    """
    record, journal = evidence.record, evidence.journal
    reasons = (
        (record.result.failure, f"the lane could not be run: {record.result.failure}"),
        (record.result.interrupted, "it was stopped before its end"),
        (record.result.timed_out, "the lane ran into its deadline"),
        (journal.crashes, f"a worker crashed: {next(iter(journal.crashes), '')}"),
        (journal.open_tests, "a test never ended"),
        (record.environment.drift, f"the environment had drifted: {next(iter(record.environment.drift), '')}"),
        (any(service.failure for service in record.result.services), "a service was down"),
        (record.tree_after and record.tree_after != record.tree, "files changed while it ran"),
        (record.result.exit_status not in _CONCLUSIVE, f"pytest ended with exit status {record.result.exit_status}"),
        (record.damage or evidence.damage or journal.damage, "its artifacts are damaged"),
    )
    return next((reason for found, reason in reasons if found), "")


def by_itself(journal: JournalFacts) -> Iterator[tuple[TestOutcome, Outcome]]:
    """Yield each test with how it ended by itself.

    What it left is found when it is over, and what a module's fixture left in whichever test came last, so that the
    order decides who is failed for it.
    """
    left = {leak.nodeid for leak in journal.leaks}
    for test in journal.outcomes:
        blamed = test.outcome is Outcome.ERROR and test.nodeid in left and test.cause.startswith("Failed: LEAK ")
        yield test, Outcome.PASSED if blamed else test.outcome


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
