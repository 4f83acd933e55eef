"""Which lane or shard of which run something belongs to."""

from __future__ import annotations

import msgspec


class LaneIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What a run of a lane is called, in everything that is promised to it and known of it.

    Attributes:
        shard: the part that runs, empty for all; shards: all parts of the lane.
    """

    run_id: str
    lane: str
    kind: str
    shard: str = ""
    shards: tuple[str, ...] = ()

    @property
    def check(self) -> str:
        """Name of the check that this run is evidence for."""
        return f"{self.lane}/{self.shard}" if self.shard else self.lane
