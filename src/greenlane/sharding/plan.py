"""What shards are cut by: what tests take, and the plan of a run, which shard runs which file."""

from __future__ import annotations

import enum

import msgspec

PLAN_VARIABLE = "GREENLANE_PLAN"
"""Environment name of the path of a plan that was made elsewhere for this run."""

PLAN_SCHEMA = 1
"""Version of a plan file; a file of another version is refused."""


class PlanSource(enum.StrEnum):
    """What a plan was made from: recorded durations, the names of files alone, or by whoever is free first."""

    DURATIONS = "durations"
    HASH = "hash"
    QUEUE = "queue"


class ShardPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How one lane is cut.

    Attributes:
        shards: names of the lane's shards, in the order of the configuration.
        files: shard by file. A file that is not named goes where the stable hash of its name says.
        queue: name of the queue that shards pull files from; empty where files have their shard beforehand.
        seconds: expected work by shard, as far as it is known.
    """

    shards: tuple[str, ...]
    files: dict[str, str] = {}
    source: PlanSource = PlanSource.HASH
    queue: str = ""
    seconds: dict[str, float] = {}


class PlanFile(msgspec.Struct, frozen=True, kw_only=True):
    """The plans of a run, by lane, with the digest of all of them."""

    schema: int = PLAN_SCHEMA
    lanes: dict[str, ShardPlan]
    digest: str = ""


DURATIONS_SCHEMA = 1
"""Version of the file; one of another version is as good as none."""


class Durations(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Typical seconds of each test, by lane and node id; `history.durations` names the file, which is JSON.

    Attributes:
        schema: version of the file.
        lanes: by lane, seconds by node id: set-up, body and tear-down together.
    """

    schema: int = DURATIONS_SCHEMA
    lanes: dict[str, dict[str, float]] = {}
