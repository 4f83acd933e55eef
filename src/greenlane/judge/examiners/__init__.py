"""The examiners: each looks at one aspect of the evidence of one check and names what is wrong with it.

An examiner returns violations and nothing else; only `judge.judge` makes a verdict of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from greenlane.evidence.evidence import LaneEvidence, Requirements
from greenlane.evidence.violation import Code, Violation
from greenlane.judge.examiners.artifacts import damaged, junit_mismatch, stale
from greenlane.judge.examiners.isolation import drift, hermetic, leaks, network, secrets, unhandled
from greenlane.judge.examiners.lanes import left_out
from greenlane.judge.examiners.outcomes import failures, flaky, missing, nothing_ran, partial, skips
from greenlane.judge.examiners.run import bad_requests, coverage, deadline, exit_status, interrupted, runner, services
from greenlane.judge.examiners.samples import samples

Examiner = Callable[[LaneEvidence, Requirements], Iterable[Violation]]

EXAMINERS: tuple[Examiner, ...] = (
    interrupted,
    services,
    runner,
    failures,
    samples,
    missing,
    deadline,
    unhandled,
    leaks,
    network,
    hermetic,
    flaky,
    bad_requests,
    skips,
    nothing_ran,
    partial,
    left_out,
    exit_status,
    junit_mismatch,
    drift,
    stale,
    damaged,
    secrets,
    coverage,
)
"""Every examiner, most telling first: violations are reported in this order."""


def shielded(label: str, examiner: Examiner) -> Examiner:
    """Return an examiner that another distribution adds: where it fails, that is a violation, and the others go on.

    Args:
        label: how it is called in the violation.
        examiner: what the distribution declares.
    """

    def examine(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
        found: list[object] = []
        try:
            found += examiner(evidence, requirements)
        except Exception as error:  # noqa: BLE001  foreign code: what it could not look at must not pass for green
            found.append(objection(f"{label} failed: {type(error).__name__}: {error}"))
        return [
            item if isinstance(item, Violation) else objection(f"{label} returned {item!r}, which is no violation")
            for item in found
        ]

    return examine


def objection(message: str) -> Violation:
    """Return the violation of an extension that failed."""
    return Violation(Code.EXTENSION, message, cause=message)
