"""Which jobs a policy needs: its lanes, their shards, their interpreters."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from greenlane.config.lanes import Lane, LaneKind

MARGIN = 15
"""Minutes beside a lane's budget, for building its environment."""

UNLIMITED = 360
"""Minutes for a lane without a budget; GitHub ends every job by then."""


def matrix(lanes: Iterable[Lane], python: str, kinds: Iterable[LaneKind]) -> Matrix:
    """Return one job for each lane or shard of the wanted kinds.

    Args:
        lanes: those that the policy needs.
        python: version for lanes that name none, as `3.11`.
        kinds: the kinds that are wanted.
    """
    wanted = frozenset(kinds)
    chosen = [lane for lane in lanes if lane.kind in wanted]
    return Matrix(include=tuple(_job(lane, shard, python) for lane in chosen for shard in lane.shards or ("",)))


def _job(lane: Lane, shard: str, python: str) -> Job:
    """Return the job of a lane or shard."""
    return Job(
        name=f"{lane.name}-{shard}" if shard else lane.name,
        lane=lane.name,
        shard=shard,
        python=lane.python or python,
        lock=lane.lock,
        hermetic=lane.deterministic,
        minutes=MARGIN + math.ceil(lane.budget / 60) if lane.budget else UNLIMITED,
    )


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One job: a lane, or one shard of it, under one interpreter.

    Attributes:
        name: of the check that it makes evidence for, without a slash, so that it can name an artifact.
        lane: session to run; shard: its argument, empty for the whole lane.
        python: version to set up, as `3.12`.
        lock: the lane's lock, for the key of a cache.
        hermetic: whether nothing outside can change its result, so that evidence of it may be used again.
        minutes: after which the service should give up; the lane's own budget ends it earlier.
    """

    name: str
    lane: str
    shard: str
    python: str
    lock: str
    minutes: int
    hermetic: bool = False


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """What the jobs of one run are: GitHub's `strategy.matrix` with nothing but `include`."""

    include: tuple[Job, ...]
