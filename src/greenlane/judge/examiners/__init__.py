"""The examiners: each looks at one aspect of the evidence of one check and names what is wrong with it.

An examiner returns violations and nothing else; only `judge.judge` makes a verdict of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from greenlane.evidence.evidence import LaneEvidence, Requirements
from greenlane.evidence.violation import Violation
from greenlane.judge.examiners.answers import canned, live
from greenlane.judge.examiners.artifacts import damaged, junit_mismatch, stale
from greenlane.judge.examiners.isolation import drift, hermetic, leaks, network, secrets, unhandled
from greenlane.judge.examiners.outcomes import failures, flaky, missing, nothing_ran, partial, skips
from greenlane.judge.examiners.run import coverage, deadline, exit_status, interrupted, runner, services
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
    canned,
    live,
    skips,
    nothing_ran,
    partial,
    exit_status,
    junit_mismatch,
    drift,
    stale,
    damaged,
    secrets,
    coverage,
)
"""Every examiner, most telling first: violations are reported in this order."""
