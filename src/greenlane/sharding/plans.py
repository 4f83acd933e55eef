"""How a lane is cut into shards of equal work, from what its tests took before; and whether a plan fits a lane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from greenlane.sharding.assignment import digest, file_of
from greenlane.sharding.plan import PlanFile, PlanSource, ShardPlan


class Work(msgspec.Struct, frozen=True):
    """What there is to spread: expected seconds by file, and by shard those of the tests that are pinned to it."""

    files: dict[str, float]
    pinned: dict[str, float]
    recorded: bool


def expected_work(durations: Mapping[str, float], defined: Mapping[str, int], pins: Mapping[str, str]) -> Work:
    """Return the work that a lane is expected to be.

    Args:
        durations: recorded seconds by node id; those of files that are gone do not count.
        defined: number of tests that each present file defines. A file without a record counts with the mean of all
            recorded tests for each of its own.
        pins: shard by node id without parameters, class (`file::Class`) or file.
    """
    files = dict.fromkeys(defined, 0.0)
    pinned: dict[str, float] = {}
    known = {nodeid: seconds for nodeid, seconds in sorted(durations.items()) if file_of(nodeid) in defined}
    for nodeid, seconds in known.items():
        shard = pin_of(nodeid, pins)
        if shard:
            pinned[shard] = pinned.get(shard, 0.0) + seconds
        else:
            files[file_of(nodeid)] += seconds
    mean = sum(known.values()) / len(known) if known else 0.0
    for name in defined.keys() - {file_of(nodeid) for nodeid in known}:
        files[name] = mean * max(1, defined[name])
    return Work(files, pinned, bool(known))


def pin_of(nodeid: str, pins: Mapping[str, str]) -> str:
    """Return the shard that a test, its class or its file is pinned to, the nearest first; empty for none."""
    path, colons, tail = nodeid.partition("::")
    name = path + colons + tail.partition("[")[0]
    while name:
        if name in pins:
            return pins[name]
        name = name.rpartition("::")[0]
    return ""


def longest_first(
    seconds: Mapping[str, float], shards: Sequence[str], load: Mapping[str, float] | None = None
) -> dict[str, str]:
    """Return the shard of each file: the longest file first, always to the shard that has least to do (Graham 1969).

    Args:
        seconds: expected work by file.
        shards: names of the shards; of two with equal work the first is taken.
        load: seconds of work that shards have already, such as pinned tests.
    """
    # Whole microseconds: sums of them are the same in any order, on every machine.
    busy = {shard: _microseconds((load or {}).get(shard, 0.0)) for shard in shards}
    plan: dict[str, str] = {}
    for name in pull_order(seconds):
        shard = min(shards, key=busy.__getitem__)
        plan[name] = shard
        busy[shard] += _microseconds(seconds[name])
    return plan


def pull_order(seconds: Mapping[str, float]) -> list[str]:
    """Return files in the order in which they are given away: the longest first, equal ones by name."""
    return sorted(seconds, key=lambda name: (-_microseconds(seconds[name]), name))


def _microseconds(seconds: float) -> int:
    return round(seconds * 1_000_000)


def make_plan(work: Work, shards: Sequence[str]) -> ShardPlan:
    """Return the plan of a lane: longest-first over recorded durations, the stable hash where there are none."""
    if not work.recorded:
        return ShardPlan(shards=tuple(shards))
    files = longest_first(work.files, shards, work.pinned)
    seconds = {shard: work.pinned.get(shard, 0.0) for shard in shards}
    for name, shard in sorted(files.items()):
        seconds[shard] += work.files[name]
    rounded = {shard: round(total, 3) for shard, total in seconds.items()}
    return ShardPlan(shards=tuple(shards), files=files, source=PlanSource.DURATIONS, seconds=rounded)


def plan_digest(lane: str, plan: ShardPlan) -> str:
    """Return the SHA-256 of what a plan decides: the lane, its shards and the shard of each file."""
    return digest((lane, *plan.shards, plan.queue, *(f"{name}\t{shard}" for name, shard in sorted(plan.files.items()))))


def plan_file(lanes: Mapping[str, ShardPlan]) -> PlanFile:
    """Return the plans of a run with the digest of all of them."""
    total = digest(plan_digest(lane, plan) for lane, plan in sorted(lanes.items()))
    return PlanFile(lanes=dict(sorted(lanes.items())), digest=total)


def misfit(file: PlanFile, lane: str, shards: Sequence[str]) -> str:
    """Return why a carried plan cannot be used for a lane; empty when it can.

    Args:
        file: the plan as it was read.
        lane: name of the lane; shards: those that it is configured with.
    """
    if file.digest != plan_file(file.lanes).digest:
        return "it was changed after it was made: its digest is not that of its content"
    plan = file.lanes.get(lane)
    if plan is None:
        return f"it has no plan for lane {lane}; it has {', '.join(file.lanes) or 'none'}"
    if plan.shards != tuple(shards):
        return f"it cuts {lane} into {', '.join(plan.shards)}; the lane has {', '.join(shards)}"
    if plan.queue or plan.source == PlanSource.QUEUE:
        return f"its files are pulled from queue {plan.queue!r}; use --queue for that"
    strange = sorted(set(plan.files.values()) - set(shards))
    return f"it sends files to shard {strange[0]!r}, which {lane} does not have" if strange else ""
