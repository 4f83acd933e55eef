"""What is to be run: one lane, or one shard of it."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from greenlane.config.context import Context
from greenlane.config.lanes import Lane, Service
from greenlane.config.load import Settings
from greenlane.config.services import services_here, switched_off
from greenlane.evidence.evidence import GateState
from greenlane.evidence.identity import LaneIdentity
from greenlane.evidence.ledger import Ledger
from greenlane.evidence.progress import NULL_LISTENER, ProgressListener
from greenlane.run.guards import Guarded
from greenlane.run.request import RunRequest
from greenlane.sharding.plan import ShardPlan


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of lanes: what is asked for, and what was found out before the first of them.

    Attributes:
        gates: state of every live provider.
        guards: what each guard gives to lanes.
        listener: who is told how each lane comes along.
        ledger: what is known and excused.
    """

    context: Context
    request: RunRequest
    run_id: str
    gates: tuple[GateState, ...]
    guards: Mapping[str, Guarded]
    listener: ProgressListener
    ledger: Ledger


class LaneJob(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run.

    Attributes:
        lane: the lane; shard: the part of it, empty for all.
        gates: state of every live provider.
        guards: what each guard gives to lanes.
        seed: of a random order; None draws one.
        plan: how the lane is cut; None for a lane without shards.
        purpose: name of what is done with the lane when that is no evidence; its artifacts lie apart from the lane's.
        color: whether the output goes to a terminal.
        only: node ids that are run instead of the whole; such a run is never green.
        ledger: what is known and excused, as it was before any code of a lane ran.
        listener: who is told how it comes along.
        reuse: whether evidence of an earlier run will do.
        reads: whether it is recorded which files each test file reads; such a run prints nothing by itself.
        observe: whether the lane is only looked at: nothing is printed, and what tells where tests belong is recorded.
        quiet: whether what the lane prints is kept to its log.
        interpreter: path of the Python that is used as it is; empty for an environment built from the lane's lock.
    """

    context: Context
    lane: Lane
    shard: str
    run_id: str
    gates: tuple[GateState, ...]
    guards: Mapping[str, Guarded] = {}
    seed: int | None = None
    plan: ShardPlan | None = None
    purpose: str = ""
    color: bool = False
    only: tuple[str, ...] = ()
    ledger: Ledger = Ledger()
    listener: ProgressListener = NULL_LISTENER
    reuse: bool = False
    reads: bool = False
    observe: bool = False
    quiet: bool = False
    interpreter: str = ""

    @property
    def identity(self) -> LaneIdentity:
        """What the run is called in everything that is known of it."""
        lane = self.lane
        return LaneIdentity(
            run_id=self.run_id, lane=lane.name, kind=lane.kind.value, shard=self.shard, shards=lane.shards
        )

    @property
    def holder(self) -> str:
        """Who holds what only one run may have."""
        return f"{self.purpose or 'run'} {self.run_id} (process {os.getpid()})"

    @property
    def settings(self) -> Settings:
        """The effective configuration of the project."""
        return self.context.settings

    @property
    def environ(self) -> Mapping[str, str]:
        """Environment variables of the caller."""
        return self.context.environ

    @property
    def label(self) -> str:
        """Name of the check."""
        return self.purpose or self.identity.check

    @property
    def artifacts(self) -> Path:
        """Folder of what this run leaves behind."""
        folder = self.settings.root / self.settings.configuration.artifacts / (self.purpose or self.lane.name)
        return folder / self.shard if self.shard else folder

    @property
    def services(self) -> dict[str, Service]:
        """Services that belong here, whether or not they are started."""
        return services_here(self.settings.configuration, self.lane, self.shard)

    @property
    def switches(self) -> tuple[str, ...]:
        """Names of the switches of its services that are on."""
        on = (s.when for s in self.services.values() if s.when and not switched_off(s, self.environ))
        return tuple(dict.fromkeys(on))


def new_run_id() -> str:
    """Return a name for a run that sorts by time."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{random.SystemRandom().randrange(16**6):06x}"
