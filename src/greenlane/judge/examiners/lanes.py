"""Is every test in exactly one lane?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from greenlane.evidence.evidence import LaneEvidence, Requirements
from greenlane.evidence.ledger import NOWHERE
from greenlane.evidence.violation import Code, Violation
from greenlane.sharding.patterns import of_test


def left_out(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """LANE_GAP for each test that a lane's files hold and no lane takes."""
    for nodeid in evidence.journal.gaps:
        yield _gap(nodeid)


def whole_project(requirements: Requirements, evidence: Sequence[LaneEvidence]) -> Iterable[Violation]:
    """Yield LANE_GAP for each test file that no lane takes, and LANE_OVERLAP for each test that several take.

    A lane that is judged by itself says nothing of the others.
    """
    if requirements.lane:
        return
    for path in requirements.unclaimed:
        yield _gap(path)
    takers: dict[str, dict[str, None]] = defaultdict(dict)
    for item in evidence:
        lane = requirements.variants.get(item.record.lane, item.record.lane)
        for nodeid in item.journal.selected:
            takers[nodeid][lane] = None
        for nodeid, lanes in item.journal.twice.items():
            takers[nodeid].update(dict.fromkeys(lanes))
    here = {requirements.variants.get(item.record.lane, item.record.lane) for item in evidence}
    if requirements.lanes and here.issuperset(requirements.lanes):
        yield from _lost(requirements, evidence, takers)
    for nodeid, found in takers.items():
        if len(found) > 1 and not _listed(nodeid, set(found), requirements):
            cause = f"is in {' and in '.join(sorted(found))}"
            yield Violation(
                Code.LANE_OVERLAP, f"{nodeid} {cause}", subject=nodeid, cause=cause,
                path=nodeid.partition("::")[0],
            )  # fmt: skip


def _lost(requirements: Requirements, evidence: Sequence[LaneEvidence], takers: Collection[str]) -> Iterable[Violation]:
    """Yield LANE_GAP for what a lane has left to another that never had it, where every lane is judged together."""
    nowhere = [move.test for move in requirements.ledger.moves if move.lane == NOWHERE]
    known = {*takers, *(nodeid for item in evidence for nodeid in item.journal.gaps)}
    left = dict.fromkeys(nodeid for item in evidence for nodeid in item.journal.left if nodeid not in known)
    for nodeid in left:
        if not any(of_test(nodeid, pattern) for pattern in nowhere):
            yield _gap(nodeid, "is left to another lane, and none has run it")


def _gap(subject: str, cause: str = "no lane takes it") -> Violation:
    return Violation(
        Code.LANE_GAP, f"{subject}: {cause}", subject=subject, cause=cause,
        path=subject.partition("::")[0],
    )  # fmt: skip


def _listed(nodeid: str, lanes: set[str], requirements: Requirements) -> bool:
    """Whether the ledger says that a test is skipped in one of the lanes because it runs in another."""
    return any(entry.elsewhere in lanes and of_test(nodeid, entry.test) for entry in requirements.ledger.skips)
