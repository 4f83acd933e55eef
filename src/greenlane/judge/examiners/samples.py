"""Did enough samples of each test pass?"""

from __future__ import annotations

from collections.abc import Iterable

from greenlane.evidence.evidence import LaneEvidence, Requirements
from greenlane.evidence.violation import Code, Violation
from greenlane.judge.samples import CHANCE, by_chance, percent, results, untrusted, would_do


def samples(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """FAILED for each test of which too few samples passed, PARTIAL where samples are not what the file says.

    A warning, RED_BY_CHANCE, where enough passed this time, and will not in one run of a hundred or more.
    """
    if evidence.record.result.interrupted or evidence.record.result.timed_out:
        return
    groups = {group.test: group for group in evidence.journal.samples}
    for result in results(evidence):
        path = result.test.split("::")[0]
        reason = untrusted(groups[result.test], evidence)
        if reason and result.failed:
            yield Violation(
                Code.PARTIAL, f"{result.test}: its samples cannot be judged together: {reason}",
                subject=result.test, cause=reason, path=path,
            )  # fmt: skip
        if not result.met:
            cause = f"{result.passed} of {result.n} samples passed, {result.at_least} must: {percent(result)}"
            yield Violation(Code.FAILED, f"{result.test}: {cause}", subject=result.test, cause=cause, path=path)
        elif result.chance > CHANCE and not reason:
            better = " or ".join(would_do(result))
            rate = f"{result.passed} of {result.n} samples passed: at that rate it is"
            cause = f"{rate} {by_chance(result)}; {better} would do"
            yield Violation(
                Code.RED_BY_CHANCE, f"{result.test}: {cause}", subject=result.test, cause=cause, path=path,
                gating=False,
            )  # fmt: skip
