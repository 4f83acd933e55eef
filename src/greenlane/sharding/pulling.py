"""What is said between a shard that pulls files from a queue and its supervisor, who asks the queue."""

from __future__ import annotations

import msgspec

QUEUE_VARIABLE = "GREENLANE_QUEUE"
"""Environment name of the queue that the shards of one run pull from."""


class Enter(msgspec.Struct, frozen=True, kw_only=True, tag="enter"):
    """A shard has collected. The first of a run fills the queue; each must have seen the same tests.

    Attributes:
        collection: SHA-256 of all node ids of the lane.
        files: the files with tests that are pinned to no shard.
    """

    collection: str
    files: tuple[str, ...]


class Next(msgspec.Struct, frozen=True, kw_only=True, tag="next"):
    """A shard wants a file, and has finished the one before; empty for none."""

    done: str = ""


class Peek(msgspec.Struct, frozen=True, kw_only=True, tag="peek"):
    """A shard wants to know whether there may be more after the file that it runs."""


QueueMessage = Enter | Next | Peek


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """The answer.

    Attributes:
        file: to be run; empty when nothing is left for anybody.
        more: whether another file may follow.
        failure: why the shard must stop; empty to go on.
    """

    file: str = ""
    more: bool = False
    failure: str = ""
