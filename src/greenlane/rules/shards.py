"""Which shard runs which test: whole files together, the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence


def digest(lines: Iterable[str]) -> str:
    """Return the SHA-256 (hex) of lines, each ended by a zero byte."""
    state = hashlib.sha256()
    for line in lines:
        state.update(line.encode("utf-8", "surrogatepass"))
        state.update(b"\0")
    return state.hexdigest()


def file_of(nodeid: str) -> str:
    """Return the file part of a node id."""
    return nodeid.split("::", 1)[0]


def assign(nodeids: Sequence[str], pins: Mapping[str, str], shards: Sequence[str]) -> dict[str, str]:
    """Return the shard of each test.

    A pinned test goes where its mark says. All other tests of a file stay together, in the shard that the
    stable hash of the file's name gives: neither the order of collection nor the machine matters.

    Args:
        nodeids: the whole collection of the lane.
        pins: shard by node id, from `@pytest.mark.shard`.
        shards: names of the lane's shards, in the order of the configuration.

    Raises:
        ValueError: a pin names a shard that the lane does not have.
    """
    for nodeid, shard in pins.items():
        if shard not in shards:
            raise ValueError(f"{nodeid} is pinned to shard {shard!r}; the lane has {', '.join(shards)}")
    by_file = {name: shards[int(digest([name])[:12], 16) % len(shards)] for name in {file_of(n) for n in nodeids}}
    return {nodeid: pins.get(nodeid) or by_file[file_of(nodeid)] for nodeid in nodeids}


def plan_digest(plan: Mapping[str, str]) -> str:
    """Return the SHA-256 of a plan, independent of its order."""
    return digest(f"{nodeid}\t{shard}" for nodeid, shard in sorted(plan.items()))
