"""Which jobs a policy needs: its lanes, their shards, their interpreters."""

from __future__ import annotations

import math
from collections.abc import Iterable

from greenlane.config.lanes import Lane, LaneKind
from greenlane.sharding.matrix_values import Job, Matrix

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
