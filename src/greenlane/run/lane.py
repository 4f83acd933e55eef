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
from greenlane.run.base_environment import essentials
from greenlane.run.bytecode import forget_bytecode
from greenlane.run.census import sample_marks, take_census
from greenlane.run.complaint import complaint
from greenlane.run.packages import leak_policy
from greenlane.run.planning import pull_plan, write_plan
from greenlane.run.pytest_arguments import pytest_arguments, worker_count
from greenlane.run.request import Request
from greenlane.run.services import Houses, Housing
from greenlane.run.tamper_check import Custody
from greenlane.run.watching import watched
from greenlane.sharding.plans import plan_digest
from greenlane.sharding.plans import sealed as sealed_plans
from greenlane.supervisor.plan import Plan, Result
from greenlane.util.files import write_atomically
from greenlane.util.launch import harness_environment, run_child
from greenlane.util.redaction import redact
from greenlane.util.work_tree import tree_state
from greenlane.version import VERSION

Say = Callable[[str], None]
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


def run_lane(request: Request, installer: Installer, houses: Houses, say: Say) -> LaneEvidence:
    """Run one lane or shard and return its evidence.

    Args:
        request: what is run.
        installer: who builds the environment; houses: who finds places for services that have another.
        say: prints a line to the user.

    Raises:
        ConfigError: the lock is missing or wrong.
        EnvironmentBuildError: the environment could not be built.
        Interrupted: the supervisor died before it could write its answer.
    """
    settings = request.settings
    own = written_by_us(settings)
    tree = tree_state(settings.root, own)
    plan = recipe(settings, request.lane, tree)
    holder = f"run {request.run_id} (process {os.getpid()})"
    # Environment and artifacts have one owner at a time, from the removal of old files to the reading of new ones.
    with ExitStack() as stack:
        stack.enter_context(exclusive(plan.location.with_suffix(".lock"), holder, say))
        remove_stale(request)
        environment = prepare(plan, installer, say)
        housing = houses.house(request, stack)
        forget_bytecode(settings.root)
        # Before any of the lane's code runs: what it defines, as nobody can talk away.
        census = take_census(settings.root, request.lane.tests)
        marks = sample_marks(settings.root, request.lane.tests)
        scratch = Path(tempfile.mkdtemp(prefix="greenlane-"))
        try:
            custody = Custody(request.artifacts, scratch)
            record = _supervise(request, environment, housing, tree, scratch, custody)
            record = msgspec.structs.replace(record, damage=custody.damage(record.hermetic))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        manifest = read_manifest(plan.location)
        later = check(plan, manifest) if manifest else ["the environment's manifest is gone"]
        drift = (*environment.drift, *(f"during the run: {difference}" for difference in later), *housing.drift())
        lost = uncollected(census, read_journal(request.artifacts / JOURNAL)) if not record.failure else ()
        record = msgspec.structs.replace(
            record, drift=drift, tree_after=tree_state(settings.root, own), uncollected=lost, samples=marks
        )
        return _finish(request, record)


def remove_stale(request: Request) -> None:
    """Remove what an earlier run of this lane or shard left, so that it cannot be taken for ours.

    Raises:
        ConfigError: the folder is not one that a lane has written, or lies outside the project.
    """
    folder = request.artifacts
    if folder.is_symlink():
        folder.unlink()
    if not folder.resolve().is_relative_to(request.settings.root):
        raise ConfigError(f"artifacts: {folder} leads out of the project", "remove the link")
    known = (RECORD, CONTRACT, JOURNAL, JUNIT)
    if folder.exists() and any(folder.iterdir()) and not any(p.name in known for p in folder.rglob("*")):
        raise ConfigError(f"artifacts: {folder} holds files that no lane has written", "move them, or choose another")
    # A run that has just given up the environment may still be writing its report beside ours.
    for _ in range(REMOVALS):
        shutil.rmtree(request.artifacts, ignore_errors=True)
        if not request.artifacts.exists():
            break
    else:
        shutil.rmtree(request.artifacts)
    request.artifacts.mkdir(parents=True, exist_ok=True)


def _contract(request: Request, housing: Housing, arguments: tuple[str, ...], seed: int) -> Contract:
    """Return what the lane is promised."""
    lane = request.lane
    closed = {g.provider: g.reason for g in request.gates if not g.open or g.provider not in lane.providers}
    return Contract(
        run_id=request.run_id,
        lane=lane.name,
        kind=lane.kind.value,
        project=request.settings.project,
        artifacts=str(request.artifacts),
        arguments=arguments,
        tests=lane.tests,
        plugin=VERSION,
        shard=request.shard,
        shards=lane.shards,
        plan=request.plan.files if request.plan else {},
        network=not lane.deterministic,
        leaks=leak_policy(request.settings),
        closed=closed,
        only=bool(request.only),
        services={name: request.settings.configuration.services[name].shards for name in lane.services},
        absent={name: record.absent for name, record in housing.absent.items()},
        task=Task.PULL if request.plan and request.plan.queue else Task.RUN,
        order=lane.order,
        seed=seed,
    )


def _supervise(
    request: Request, environment: Environment, housing: Housing, tree: str, scratch: Path, custody: Custody
) -> LaneRecord:
    """Run the supervisor, and return the lane record made from its answer."""
    lane, settings, artifacts = request.lane, request.settings, request.artifacts
    own = essentials(request, environment, scratch)
    seed = request.seed if request.seed is not None else random.SystemRandom().randrange(2**32)
    queue = request.plan.queue if request.plan else ""
    pull = pull_plan(settings, lane, request.shard, queue, tree, request.environ) if queue else None
    # A shard that pulls knows its next test only when it asks: workers would have to be told before.
    wished = request.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS", "")
    workers = 0 if pull else worker_count(lane, os.cpu_count() or 1, wished)
    arguments = pytest_arguments(
        lane,
        artifacts=str(artifacts),
        scratch=str(scratch),
        workers=workers,
        color=request.color,
        only=request.only,
    )
    contract = custody.promise(_contract(request, housing, arguments, seed))
    before: tuple[str, ...] = (environment.python, "-P", "-s", "-m")
    config = None
    if lane.coverage:
        config = measure.write_config(settings.root, artifacts / COVERAGE, lane.coverage)
        before = measure.command(environment.python, config)
    plan = supervisor_plan(request, environment, housing, own, scratch, (*before, "pytest", *arguments), contract)
    plan = msgspec.structs.replace(plan, pull=pull)
    with watched(request, plan, workers) as output:
        result = run_supervisor(plan, request, output)
    measured = measure.percent(environment.python, config, settings.root, plan.environment) if config else None
    if config and measured is not None:
        measure.reports(environment.python, config, settings.root, plan.environment)
    return _record(request, environment, result, tree, seed, workers, measured)


def run_supervisor(plan: Plan, request: Request, output: Callable[[bytes], None] | None = None) -> Result:
    """Run the supervisor's process and return what it answered.

    Args:
        output: takes each line that it prints; None lets it print itself.

    Raises:
        Interrupted: it was stopped before it could answer.
        GreenlaneError: it died.
    """
    kept = {name: request.environ[name] for name in (*MEASURED, "PATH", *WINDOWS) if name in request.environ}
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
    request: Request, environment: Environment, result: Result, tree: str, seed: int, workers: int,
    measured: float | None,
) -> LaneRecord:  # fmt: skip
    """Return the lane record."""
    lane = request.lane
    return LaneRecord(
        run_id=request.run_id,
        lane=lane.name,
        kind=lane.kind.value,
        shard=request.shard,
        shards=lane.shards,
        plan=plan_digest(lane.name, request.plan) if request.plan else "",
        plan_source=request.plan.source if request.plan else "",
        started_at=result.started_at,
        finished_at=result.finished_at,
        budget=lane.budget or 0.0,
        exit_status=result.exit_status,
        complaint=complaint(request.artifacts / OUTPUT, result.exit_status),
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
        gates=tuple(gate for gate in request.gates if gate.provider in lane.providers),
        workers=str(workers),
        seed=seed,
        machine=platform.node(),
        switches=request.switches,
        environment={"PYTHONHASHSEED": "0" if lane.deterministic else "random", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
        coverage=measured,
        survivors=result.survivors,
        refused=result.refused,
        secrets_found=result.secrets_found,
    )


def _finish(request: Request, record: LaneRecord) -> LaneEvidence:
    """Take secrets out of the artifacts, seal them with digests, write the record, and read it all back."""
    folder = request.artifacts
    leaked = redact(folder, secret_values(request.settings, request.environ))
    digests = {name: digest for name in (JOURNAL, JUNIT) if (digest := digest_of(folder / name))}
    record = msgspec.structs.replace(
        record, digests=digests, secrets_found=tuple(dict.fromkeys((*record.secrets_found, *leaked)))
    )
    if request.plan:
        write_plan(folder / PLAN, sealed_plans({request.lane.name: request.plan}))
    write_atomically(folder / RECORD, msgspec.json.format(msgspec.json.encode(sealed(record)), indent=2))
    return collect(folder)


def failed_record(request: Request, failure: str, code: str = "") -> LaneEvidence:
    """Return the evidence of a lane that could not even be started, and keep it with the artifacts."""
    now = time.time()
    request.artifacts.mkdir(parents=True, exist_ok=True)
    record = LaneRecord(
        run_id=request.run_id,
        lane=request.lane.name,
        kind=request.lane.kind.value,
        shard=request.shard,
        shards=request.lane.shards,
        started_at=now,
        finished_at=now,
        failure=failure,
        plugin=VERSION,
        tree=tree_state(request.settings.root, written_by_us(request.settings)),
        drift=(failure,) if code == "DRIFT" else (),
    )
    return _finish(request, record)
