"""Do the shards of a lane together make the whole of it?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from greenlane.evidence.evidence import LaneEvidence, Requirements
from greenlane.evidence.violation import Code, Violation


def whole(requirements: Requirements, evidence: Sequence[LaneEvidence]) -> Iterable[Violation]:
    """Return SHARD_GAP, SHARD_OVERLAP and SHARD_MISMATCH over the shards of each lane that have evidence.

    Union and disjointness are only demanded of lanes whose every shard is a required check: a run of one named
    shard is judged by itself.
    """
    lanes: dict[str, list[LaneEvidence]] = defaultdict(list)
    for item in evidence:
        if item.record.shard:
            lanes[item.record.lane].append(item)
    return [violation for lane, items in lanes.items() for violation in _lane(lane, items, requirements)]


def _lane(lane: str, items: Sequence[LaneEvidence], requirements: Requirements) -> Iterable[Violation]:
    """Yield what is wrong between the shards of one lane."""
    lists = {item.record.shards for item in items}
    collections = {digest for item in items for digest in item.journal.collections}
    assignments = {digest for item in items for digest in item.journal.plans}
    plans = {item.record.plan for item in items if item.record.plan}
    if len(lists) > 1:
        yield Violation(Code.SHARD_MISMATCH, f"{lane}: shards know different lists of shards", check=lane)
        return
    if len(collections) > 1:
        what = f"{lane}: shards were cut from different collections"
        yield Violation(Code.SHARD_MISMATCH, what, check=lane)
        return
    if len(assignments) > 1 or len(plans) > 1:
        message = f"{lane}: shards were cut by different plans{_whose(items)}"
        yield Violation(Code.SHARD_MISMATCH, message, check=lane)
        return
    names = {f"{lane}/{shard}" for shard in next(iter(lists))}
    wanted = {check for check in requirements.checks if check.startswith(f"{lane}/")}
    if wanted - names or (wanted and names - wanted and not requirements.lane):
        message = f"{lane}: its shards are {_list(wanted)}, the evidence is cut into {_list(names)}"
        yield Violation(Code.SHARD_MISMATCH, message, check=lane)
        return
    if wanted != names or any(item.record.result.failure for item in items):
        return
    owners = Counter(nodeid for item in items for nodeid in item.journal.selected)
    twice = sorted(nodeid for nodeid, count in owners.items() if count > 1)
    if twice:
        yield Violation(
            Code.SHARD_OVERLAP, f"{lane}: {len(twice)} tests are in two shards, {twice[0]} among them",
            subject=twice[0], check=lane, cause="is in two shards",
        )  # fmt: skip
    lost = sorted({nodeid for item in items for nodeid in item.journal.collected} - set(owners))
    if lost:
        yield Violation(
            Code.SHARD_GAP, f"{lane}: {len(lost)} tests are in no shard, {lost[0]} among them",
            subject=lost[0], check=lane, cause="is in no shard",
        )  # fmt: skip


def _whose(items: Sequence[LaneEvidence]) -> str:
    """Return which shard was cut by which plan, and what that was made from."""
    records = [item.record for item in items if item.record.plan]
    plans = [f"{record.shard} by {record.plan_source} {record.plan[:12]}" for record in records]
    return f": {', '.join(plans)}" if plans else ""


def _list(names: Iterable[str]) -> str:
    """Return check names as a list of shards."""
    return ", ".join(sorted(name.split("/", 1)[1] for name in names))
