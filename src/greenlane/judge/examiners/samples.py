"""Did enough samples of each test pass?"""

from __future__ import annotations

from collections.abc import Iterable

from greenlane.evidence.evidence import LaneEvidence, Requirements
from greenlane.evidence.violation import Code, Violation
from greenlane.judge.samples import percent, results, untrusted


def samples(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """FAILED for each test of which too few samples passed, PARTIAL where samples are not what the file says."""
    if evidence.record.result.interrupted or evidence.record.result.timed_out:
        return
    groups = {group.test: group for group in evidence.journal.samples}
    for result in results(evidence):
        path = result.test.split("::")[0]
        reason = untrusted(groups[result.test], evidence)
        if reason and result.failed:
            yield Violation(
                code=Code.PARTIAL, message=f"{result.test}: its samples cannot be judged together: {reason}",
                subject=result.test, cause=reason, path=path,
            )  # fmt: skip
        if not result.met:
            cause = f"{result.passed} of {result.n} samples passed, {result.at_least} must: {percent(result)}"
            yield Violation(
                code=Code.FAILED, message=f"{result.test}: {cause}", subject=result.test, cause=cause, path=path
            )
