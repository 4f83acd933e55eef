"""One lane or shard from its environment to its evidence."""

from __future__ import annotations

import os
import random

import msgspec

from greenlane.environment.installers import Installer
from greenlane.evidence.artifacts import COVERAGE, JOURNAL
from greenlane.evidence.contract import Task
from greenlane.evidence.evidence import LaneEvidence, LaneRecord
from greenlane.evidence.reader import read_journal
from greenlane.judge.census import uncollected
from greenlane.run import coverage as measure
from greenlane.run.assembly import supervisor_plan
from greenlane.run.bytecode import forget_bytecode
from greenlane.run.census import sample_marks, take_census
from greenlane.run.contract import lane_contract
from greenlane.run.job import LaneJob
from greenlane.run.packages import leak_policy
from greenlane.run.planning import pull_plan
from greenlane.run.prepared import PreparedLane, prepared_lane
from greenlane.run.pytest_arguments import pytest_arguments, worker_count
from greenlane.run.record import finish, lane_record
from greenlane.run.services import ServiceResolver
from greenlane.run.supervise import run_supervisor
from greenlane.run.tamper_check import TamperCheck
from greenlane.run.tree import tree_of
from greenlane.run.watching import watched
from greenlane.supervisor.plan import OutputMode


def run_lane(job: LaneJob, installer: Installer, resolver: ServiceResolver) -> LaneEvidence:
    """Run one lane or shard and return its evidence.

    Args:
        job: what is run.
        installer: who builds the environment; resolver: who finds places for services that have another.

    Raises:
        ConfigError: the lock is missing or wrong.
        EnvironmentBuildError: the environment could not be built.
        Interrupted: the supervisor died before it could write its answer.
    """
    settings = job.settings
    with prepared_lane(job, installer, resolver) as prepared:
        forget_bytecode(settings.root)
        # Before any of the lane's code runs: what it defines, as nobody can talk away.
        census = take_census(settings.root, job.lane.tests)
        marks = sample_marks(settings.root, job.lane.tests)
        tamper_check = TamperCheck(job.artifacts, prepared.scratch)
        record = _supervise(prepared, tamper_check)
        damage = tamper_check.damage(record.result.hermetic)
        lost = uncollected(census, read_journal(job.artifacts / JOURNAL)) if not record.result.failure else ()
        record = msgspec.structs.replace(
            record,
            damage=damage,
            environment=prepared.environment_now(),
            tree_after=tree_of(settings),
            uncollected=lost,
            samples=marks,
        )
        return finish(job, record)


def _supervise(prepared: PreparedLane, tamper_check: TamperCheck) -> LaneRecord:
    """Run the supervisor, and return the lane record made from its answer."""
    job, lane, python = prepared.job, prepared.job.lane, prepared.environment.python
    settings, artifacts = job.settings, job.artifacts
    seed = job.seed if job.seed is not None else random.SystemRandom().randrange(2**32)
    queue = job.plan.queue if job.plan else ""
    pull = pull_plan(job.context, lane, job.shard, queue, prepared.tree) if queue else None
    # A shard that pulls knows its next test only when it asks: workers would have to be told before.
    requested = job.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS", "")
    workers = 0 if pull else worker_count(lane, os.cpu_count() or 1, requested)
    arguments = pytest_arguments(
        lane, artifacts=str(artifacts), scratch=str(prepared.scratch), workers=workers, color=job.color, only=job.only
    )
    task = Task.PULL if queue else Task.RUN
    contract = tamper_check.write_contract(
        lane_contract(
            prepared, arguments, lane.tests, task=task, leaks=leak_policy(settings), order=lane.order, seed=seed
        )
    )
    before: tuple[str, ...] = (python, "-P", "-s", "-m")
    config = None
    if lane.coverage:
        config = measure.write_config(settings.root, artifacts / COVERAGE, lane.coverage)
        before = measure.command(python, config)
    plan = supervisor_plan(prepared, (*before, "pytest", *arguments), contract)
    plan = msgspec.structs.replace(plan, pull=pull, output_mode=OutputMode.LIVE)
    with watched(job, plan, workers) as output:
        result = run_supervisor(plan, job, output)
    measured = measure.percent(python, config, settings.root, plan.environment) if config else None
    if config and measured is not None:
        measure.reports(python, config, settings.root, plan.environment)
    return lane_record(prepared, result, seed=seed, workers=workers, coverage=measured)
