"""The job matrix of a continuous integration service."""

from __future__ import annotations

import msgspec


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
