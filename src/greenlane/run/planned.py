"""All that is decided before a lane runs: what its supervisor is told, what it is promised, and what it can see."""

from __future__ import annotations

import os
import random
from pathlib import Path

import msgspec

from greenlane.config.leaks import LeakPolicy
from greenlane.evidence.artifacts import COVERAGE
from greenlane.evidence.contract import Contract, Task
from greenlane.run import coverage as measure
from greenlane.run.assembly import supervisor_plan
from greenlane.run.contract import lane_contract, leak_policy
from greenlane.run.inputs import Inputs, inputs_of
from greenlane.run.job import LaneJob
from greenlane.run.planning import pull_plan
from greenlane.run.prepared import PreparedLane
from greenlane.run.pytest_arguments import pytest_arguments, worker_count
from greenlane.run.tamper_check import TamperCheck
from greenlane.supervisor.plan import OutputMode, Plan


class PlannedLane(msgspec.Struct, frozen=True, kw_only=True):
    """A lane that only has to be run.

    Attributes:
        plan: what the supervisor is told; contract: what the lane is promised.
        inputs: what the lane can see of the work tree.
        seed: of a random order; workers: processes that share the work.
        measuring: configuration of coverage.py; None where nothing is measured.
    """

    plan: Plan
    contract: Contract
    inputs: Inputs
    seed: int
    workers: int
    measuring: Path | None


def plan_lane(prepared: PreparedLane, tamper_check: TamperCheck) -> PlannedLane:
    """Decide how a lane is run, and write down what it is promised."""
    job, lane, python = prepared.job, prepared.job.lane, prepared.environment.python
    settings, artifacts, scratch = job.settings, job.artifacts, prepared.scratch
    stage = scratch / "view"
    stage.mkdir()
    inputs = inputs_of(settings, lane, artifacts, stage)
    seed = job.seed if job.seed is not None else random.SystemRandom().randrange(2**32)
    queue = job.plan.queue if job.plan else ""
    pull = pull_plan(job.context, lane, job.shard, queue, prepared.tree) if queue else None
    # A shard that pulls knows its next test only when it asks: workers would have to be told before.
    requested = job.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS", "")
    workers = 0 if pull else worker_count(lane, os.cpu_count() or 1, requested)
    arguments = pytest_arguments(
        lane, artifacts=str(artifacts), scratch=str(scratch), workers=workers, color=job.color, only=job.only
    )
    task, leaks = Task.PULL if queue else Task.RUN, _leaks(job)
    contract = lane_contract(prepared, arguments, lane.tests, task=task, leaks=leaks, order=lane.order, seed=seed)
    promised = tamper_check.write_contract(contract)
    before: tuple[str, ...] = (python, "-P", "-s", "-m")
    measuring = None
    if lane.coverage:
        measuring = measure.write_config(settings.root, artifacts / COVERAGE, lane.coverage)
        before = measure.command(python, measuring)
    plan = supervisor_plan(prepared, (*before, "pytest", *arguments), promised)
    mode = OutputMode.NONE if job.observe or job.quiet or job.reads else OutputMode.LIVE
    plan = msgspec.structs.replace(plan, pull=pull, output_mode=mode, view=inputs.view)
    return PlannedLane(plan=plan, contract=contract, inputs=inputs, seed=seed, workers=workers, measuring=measuring)


def _leaks(job: LaneJob) -> LeakPolicy:
    """Return what the leak guard does: where the lane is only looked at, nothing is red."""
    leaks = leak_policy(job.settings)
    return msgspec.structs.replace(leaks, level="warn", levels={}, uncertain="warn") if job.observe else leaks
