"""May anything be concluded from a run, beyond that it went wrong?"""

from __future__ import annotations

from greenlane.evidence.evidence import LaneEvidence

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
