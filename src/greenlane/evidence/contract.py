"""The lane contract: what control promises a lane before it starts, as one JSON file."""

from __future__ import annotations

import enum

import msgspec

from greenlane.config.leaks import LeakPolicy
from greenlane.evidence.claims import Claims
from greenlane.evidence.identity import LaneIdentity


class Task(enum.StrEnum):
    """What a lane process is for.

    To run the lane, to run it with files from a queue, to try chains of tests, or to show one chain to a person.
    """

    RUN = "run"
    PULL = "pull"
    PROBE = "probe"
    REPLAY = "replay"


CONTRACT_VARIABLE = "GREENLANE_CONTRACT"
"""Environment name of the path of the contract. Without it the plugin sleeps."""


class Contract(LaneIdentity, frozen=True, kw_only=True):
    """Everything that a lane process must know.

    Attributes:
        project: absolute path of the project.
        artifacts: absolute path of the folder of this lane or shard.
        arguments: command line of pytest, as control wrote it.
        tests: the files and folders that the whole lane consists of.
        claims: what each lane takes, this one among them.
        plan: shard by file; a file that is not named goes where the stable hash of its name says.
        plugin: version of the harness that must be loaded.
        hermetic: level that control achieved before the lane started (`kernel`, `python`, `none`).
        network: whether the lane may leave its loopback; reach: where to, `host:port`, although it may not.
        leaks: what the leak guard does.
        known: leaks that the ledger lists, as patterns of thing and test; they are told, and fail nothing.
        closed: reason by live provider whose gate is closed; its tests are skipped with it.
        only: whether single tests were asked for; the shard's other tests are then no matter.
        services: shards that start it, none for all, by service of the lane.
        absent: reason by service that this run does without; tests that need it are skipped with it.
        key: file of the key that seals the journal, which the first process reads and removes; empty for no seals.
        task: what the process is for; everything but a run is no evidence.
        order: `file` or `random`; seed: the seed of a random order.
        reads: whether it is recorded which files each test file reads.
        preload: modules that are imported once, before workers are forked.
        observe: whether marks and readings of secrets' names are recorded, to tell where each test belongs.
    """

    project: str
    artifacts: str
    arguments: tuple[str, ...]
    tests: tuple[str, ...]
    plugin: str
    claims: Claims = Claims()
    plan: dict[str, str] = msgspec.field(default_factory=dict)
    hermetic: str = "none"
    network: bool = True
    reach: tuple[str, ...] = ()
    leaks: LeakPolicy = LeakPolicy(level="off")
    known: tuple[tuple[str, str], ...] = ()
    closed: dict[str, str] = msgspec.field(default_factory=dict)
    only: bool = False
    services: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    absent: dict[str, str] = msgspec.field(default_factory=dict)
    key: str = ""
    task: Task = Task.RUN
    order: str = "file"
    seed: int = 0
    preload: tuple[str, ...] = ()
    reads: bool = False
    observe: bool = False
