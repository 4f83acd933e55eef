"""The lane contract: what control promises a lane before it starts, as one JSON file."""

from __future__ import annotations

import enum

import msgspec

from greenlane.config.leaks import LeakPolicy


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


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a lane process must know.

    Attributes:
        run_id: name of this run, in every artifact of it.
        project: absolute path of the project.
        artifacts: absolute path of the folder of this lane or shard.
        arguments: command line of pytest, as control wrote it.
        tests: the files and folders that the whole lane consists of.
        shard: the part that runs here, empty for all; shards: all parts of the lane.
        plan: shard by file; a file that is not named goes where the stable hash of its name says.
        plugin: version of the harness that must be loaded.
        hermetic: level that control achieved before the lane started (`kernel`, `python`, `none`).
        network: whether the lane may leave its loopback.
        leaks: what the leak guard does.
        closed: reason by live provider whose gate is closed; its tests are skipped with it.
        only: whether single tests were asked for; the shard's other tests are then no matter.
        services: shards that start it, none for all, by service of the lane.
        absent: reason by service that this run does without; tests that need it are skipped with it.
        key: file of the key that seals the journal, which the first process reads and removes; empty for no seals.
        task: what the process is for; everything but a run is no evidence.
        order: `file` or `random`; seed: the seed of a random order.
    """

    run_id: str
    lane: str
    kind: str
    project: str
    artifacts: str
    arguments: tuple[str, ...]
    tests: tuple[str, ...]
    plugin: str
    shard: str = ""
    shards: tuple[str, ...] = ()
    plan: dict[str, str] = {}
    hermetic: str = "none"
    network: bool = True
    leaks: LeakPolicy = LeakPolicy(level="off")
    closed: dict[str, str] = {}
    only: bool = False
    services: dict[str, tuple[str, ...]] = {}
    absent: dict[str, str] = {}
    key: str = ""
    task: Task = Task.RUN
    order: str = "file"
    seed: int = 0
