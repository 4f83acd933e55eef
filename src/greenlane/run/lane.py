"""One lane or shard from its environment to its evidence."""

from __future__ import annotations

import os
import platform
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import msgspec

from greenlane.config.lanes import Lane
from greenlane.config.load import Settings
from greenlane.environment.build import Environment, Recipe, check, prepare
from greenlane.environment.drift import read as read_manifest
from greenlane.environment.exclusive import exclusive
from greenlane.environment.installers import Installer
from greenlane.environment.variables import MEASURED, WINDOWS
from greenlane.environment.wheels import harness_state
from greenlane.errors import ConfigError, GreenlaneError, Interrupted
from greenlane.evidence.artifacts import CONTRACT, COVERAGE, JOURNAL, JUNIT, OUTPUT, PLAN, RECORD
from greenlane.evidence.contract import Contract, Task
from greenlane.evidence.evidence import LaneEvidence, LaneRecord
from greenlane.evidence.reader import collect, digest_of, read_journal, sealed
from greenlane.judge.census import uncollected
from greenlane.run import coverage as measure
from greenlane.run.assembly import secret_values, supervisor_plan
from greenlane.run.base_environment import base_environment
from greenlane.run.bytecode import forget_bytecode
from greenlane.run.census import sample_marks, take_census
from greenlane.run.complaint import complaint
from greenlane.run.job import LaneJob
from greenlane.run.packages import leak_policy
from greenlane.run.planning import pull_plan, write_plan
from greenlane.run.pytest_arguments import pytest_arguments, worker_count
from greenlane.run.services import ResolvedServices, ServiceResolver
from greenlane.run.tamper_check import TamperCheck
from greenlane.run.watching import watched
from greenlane.sharding.plans import plan_digest
from greenlane.sharding.plans import sealed as sealed_plans
from greenlane.supervisor.plan import Plan, Result
from greenlane.util.files import write_atomically
from greenlane.util.launch import harness_environment, run_child
from greenlane.util.redaction import redact
from greenlane.util.work_tree import tree_state
from greenlane.version import VERSION

REMOVALS = 5
"""How often we try to remove a folder into which another run writes."""


def new_run_id() -> str:
    """Return a name for a run that sorts by time."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{random.SystemRandom().randrange(16**6):06x}"


def written_by_us(settings: Settings) -> tuple[str, ...]:
    """Return the paths that runs write into the work tree; they do not change its state."""
    configuration = settings.configuration
    report = configuration.report
    history = configuration.history
    paths = (
        configuration.artifacts, configuration.environments, report.markdown, report.json, report.html or "",
        report.ctrf or "", configuration.stub, history.durations, history.path,
        *(f"{history.path}{end}" for end in ("-wal", "-shm", ".migrating")), history.lock, history.spool,
    )  # fmt: skip
    inside = [(settings.root / path).resolve() for path in paths if path]
    return tuple(str(p.relative_to(settings.root)) for p in inside if p.is_relative_to(settings.root))


def recipe(settings: Settings, lane: Lane, tree: str) -> Recipe:
    """Return what the environment of a lane is built from: another harness means another environment, too."""
    return Recipe(
        location=settings.root / settings.configuration.environments / lane.name,
        lock=settings.root / lane.lock,
        python=lane.python,
        project=settings.root,
        tree=tree + harness_state(settings.root),
    )


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
    settings, say = job.settings, job.context.say
    own = written_by_us(settings)
    tree = tree_state(settings.root, own)
    plan = recipe(settings, job.lane, tree)
    holder = f"run {job.run_id} (process {os.getpid()})"
    # Environment and artifacts have one owner at a time, from the removal of old files to the reading of new ones.
    with ExitStack() as stack:
        stack.enter_context(exclusive(plan.location.with_suffix(".lock"), holder, say))
        remove_stale(job)
        environment = prepare(plan, installer, say)
        resolved = resolver.resolve(job, stack)
        forget_bytecode(settings.root)
        # Before any of the lane's code runs: what it defines, as nobody can talk away.
        census = take_census(settings.root, job.lane.tests)
        marks = sample_marks(settings.root, job.lane.tests)
        scratch = Path(tempfile.mkdtemp(prefix="greenlane-"))
        try:
            tamper_check = TamperCheck(job.artifacts, scratch)
            record = _supervise(job, environment, resolved, tree, scratch, tamper_check)
            record = msgspec.structs.replace(record, damage=tamper_check.damage(record.hermetic))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        manifest = read_manifest(plan.location)
        later = check(plan, manifest) if manifest else ["the environment's manifest is gone"]
        drift = (*environment.drift, *(f"during the run: {difference}" for difference in later), *resolved.drift())
        lost = uncollected(census, read_journal(job.artifacts / JOURNAL)) if not record.failure else ()
        record = msgspec.structs.replace(
            record, drift=drift, tree_after=tree_state(settings.root, own), uncollected=lost, samples=marks
        )
        return _finish(job, record)


def remove_stale(job: LaneJob) -> None:
    """Remove what an earlier run of this lane or shard left, so that it cannot be taken for ours.

    Raises:
        ConfigError: the folder is not one that a lane has written, or lies outside the project.
    """
    folder = job.artifacts
    if folder.is_symlink():
        folder.unlink()
    if not folder.resolve().is_relative_to(job.settings.root):
        raise ConfigError(f"artifacts: {folder} leads out of the project", "remove the link")
    known = (RECORD, CONTRACT, JOURNAL, JUNIT)
    if folder.exists() and any(folder.iterdir()) and not any(p.name in known for p in folder.rglob("*")):
        raise ConfigError(f"artifacts: {folder} holds files that no lane has written", "move them, or choose another")
    # A run that has just given up the environment may still be writing its report beside ours.
    for _ in range(REMOVALS):
        shutil.rmtree(job.artifacts, ignore_errors=True)
        if not job.artifacts.exists():
            break
    else:
        shutil.rmtree(job.artifacts)
    job.artifacts.mkdir(parents=True, exist_ok=True)


def _contract(job: LaneJob, resolved: ResolvedServices, arguments: tuple[str, ...], seed: int) -> Contract:
    """Return what the lane is promised."""
    lane = job.lane
    closed = {g.provider: g.reason for g in job.gates if not g.open or g.provider not in lane.providers}
    return Contract(
        run_id=job.run_id,
        lane=lane.name,
        kind=lane.kind.value,
        project=job.settings.project,
        artifacts=str(job.artifacts),
        arguments=arguments,
        tests=lane.tests,
        plugin=VERSION,
        shard=job.shard,
        shards=lane.shards,
        plan=job.plan.files if job.plan else {},
        network=not lane.deterministic,
        leaks=leak_policy(job.settings),
        closed=closed,
        only=bool(job.only),
        services={name: job.settings.configuration.services[name].shards for name in lane.services},
        absent={name: record.absent for name, record in resolved.absent.items()},
        task=Task.PULL if job.plan and job.plan.queue else Task.RUN,
        order=lane.order,
        seed=seed,
    )


def _supervise(
    job: LaneJob,
    environment: Environment,
    resolved: ResolvedServices,
    tree: str,
    scratch: Path,
    tamper_check: TamperCheck,
) -> LaneRecord:
    """Run the supervisor, and return the lane record made from its answer."""
    lane, settings, artifacts = job.lane, job.settings, job.artifacts
    own = base_environment(job, environment, scratch)
    seed = job.seed if job.seed is not None else random.SystemRandom().randrange(2**32)
    queue = job.plan.queue if job.plan else ""
    pull = pull_plan(job.context, lane, job.shard, queue, tree) if queue else None
    # A shard that pulls knows its next test only when it asks: workers would have to be told before.
    requested = job.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS", "")
    workers = 0 if pull else worker_count(lane, os.cpu_count() or 1, requested)
    arguments = pytest_arguments(
        lane,
        artifacts=str(artifacts),
        scratch=str(scratch),
        workers=workers,
        color=job.color,
        only=job.only,
    )
    contract = tamper_check.write_contract(_contract(job, resolved, arguments, seed))
    before: tuple[str, ...] = (environment.python, "-P", "-s", "-m")
    config = None
    if lane.coverage:
        config = measure.write_config(settings.root, artifacts / COVERAGE, lane.coverage)
        before = measure.command(environment.python, config)
    plan = supervisor_plan(job, environment, resolved, own, scratch, (*before, "pytest", *arguments), contract)
    plan = msgspec.structs.replace(plan, pull=pull)
    with watched(job, plan, workers) as output:
        result = run_supervisor(plan, job, output)
    measured = measure.percent(environment.python, config, settings.root, plan.environment) if config else None
    if config and measured is not None:
        measure.reports(environment.python, config, settings.root, plan.environment)
    return _record(job, environment, result, tree, seed, workers, measured)


def run_supervisor(plan: Plan, job: LaneJob, output: Callable[[bytes], None] | None = None) -> Result:
    """Run the supervisor's process and return what it answered.

    Args:
        output: takes each line that it prints; None lets it print itself.

    Raises:
        Interrupted: it was stopped before it could answer.
        GreenlaneError: it died.
    """
    kept = {name: job.environ[name] for name in (*MEASURED, "PATH", *WINDOWS) if name in job.environ}
    outer = harness_environment(kept)
    command = (sys.executable, "-P", "-s", "-m", "greenlane.supervisor")
    status = run_child(command, outer, msgspec.json.encode(plan), output)
    try:
        return msgspec.json.decode(Path(plan.result).read_bytes(), type=Result)
    except OSError as error:
        if status in (130, -2, -9, -15):
            raise Interrupted("the run was stopped before its end") from error
        raise GreenlaneError(
            f"the supervisor of {plan.label} ended with exit status {status}", str(plan.log)
        ) from error


def _record(
    job: LaneJob, environment: Environment, result: Result, tree: str, seed: int, workers: int,
    measured: float | None,
) -> LaneRecord:  # fmt: skip
    """Return the lane record."""
    lane = job.lane
    return LaneRecord(
        run_id=job.run_id,
        lane=lane.name,
        kind=lane.kind.value,
        shard=job.shard,
        shards=lane.shards,
        plan=plan_digest(lane.name, job.plan) if job.plan else "",
        plan_source=job.plan.source if job.plan else "",
        started_at=result.started_at,
        finished_at=result.finished_at,
        budget=lane.budget or 0.0,
        exit_status=result.exit_status,
        complaint=complaint(job.artifacts / OUTPUT, result.exit_status),
        failure=result.failure,
        timed_out=result.timed_out,
        running=result.running,
        interrupted=result.interrupted,
        tree=tree,
        lock=environment.lock,
        wheel=environment.wheel,
        interpreter=environment.python,
        python=environment.version,
        plugin=VERSION,
        hermetic=result.hermetic,
        hermetic_reason=result.hermetic_reason,
        services=result.services,
        endpoints=result.endpoints,
        gates=tuple(gate for gate in job.gates if gate.provider in lane.providers),
        workers=str(workers),
        seed=seed,
        machine=platform.node(),
        switches=job.switches,
        environment={"PYTHONHASHSEED": "0" if lane.deterministic else "random", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
        coverage=measured,
        survivors=result.survivors,
        refused=result.refused,
        secrets_found=result.secrets_found,
    )


def _finish(job: LaneJob, record: LaneRecord) -> LaneEvidence:
    """Take secrets out of the artifacts, seal them with digests, write the record, and read it all back."""
    folder = job.artifacts
    leaked = redact(folder, secret_values(job.context))
    digests = {name: digest for name in (JOURNAL, JUNIT) if (digest := digest_of(folder / name))}
    record = msgspec.structs.replace(
        record, digests=digests, secrets_found=tuple(dict.fromkeys((*record.secrets_found, *leaked)))
    )
    if job.plan:
        write_plan(folder / PLAN, sealed_plans({job.lane.name: job.plan}))
    write_atomically(folder / RECORD, msgspec.json.format(msgspec.json.encode(sealed(record)), indent=2))
    return collect(folder)


def failed_record(job: LaneJob, failure: str, code: str = "") -> LaneEvidence:
    """Return the evidence of a lane that could not even be started, and keep it with the artifacts."""
    now = time.time()
    job.artifacts.mkdir(parents=True, exist_ok=True)
    record = LaneRecord(
        run_id=job.run_id,
        lane=job.lane.name,
        kind=job.lane.kind.value,
        shard=job.shard,
        shards=job.lane.shards,
        started_at=now,
        finished_at=now,
        failure=failure,
        plugin=VERSION,
        tree=tree_state(job.settings.root, written_by_us(job.settings)),
        drift=(failure,) if code == "DRIFT" else (),
    )
    return _finish(job, record)
