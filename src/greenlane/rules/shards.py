"""Which shard runs which test: whole files together, the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence


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


def home(name: str, files: Mapping[str, str], shards: Sequence[str]) -> str:
    """Return the shard of a file: the plan's, or, where the plan does not know it, that of the stable hash of its name.

    Args:
        name: of the file, relative to the project, with slashes.
        files: the plan; empty for none.
        shards: names of the shards.
    """
    planned = files.get(name, "")
    return planned if planned in shards else shards[int(digest([name])[:12], 16) % len(shards)]


def assign(
    nodeids: Collection[str], pins: Mapping[str, str], shards: Sequence[str], files: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the shard of each test.

    A pinned test goes where its mark says. All other tests of a file stay together, where the plan or the stable hash
    of the file's name puts them. Each test is looked at by itself, so that nothing that one machine collects and
    another does not can move any other test: neither the order of collection nor the machine matters.

    Args:
        nodeids: the whole collection of the lane.
        pins: shard by node id, from `@pytest.mark.shard`.
        shards: names of the lane's shards, in the order of the configuration.
        files: shard by file, as planned; empty for the stable hash alone.

    Raises:
        ValueError: a pin names a shard that the lane does not have.
    """
    for nodeid, shard in pins.items():
        if shard not in shards:
            raise ValueError(f"{nodeid} is pinned to shard {shard!r}; the lane has {', '.join(shards)}")
    homes = {name: home(name, files or {}, shards) for name in {file_of(nodeid) for nodeid in nodeids}}
    return {nodeid: pins.get(nodeid) or homes[file_of(nodeid)] for nodeid in nodeids}


def assignment_digest(assignment: Mapping[str, str]) -> str:
    """Return the SHA-256 of the shard of each test, independent of its order."""
    return digest(f"{nodeid}\t{shard}" for nodeid, shard in sorted(assignment.items()))
