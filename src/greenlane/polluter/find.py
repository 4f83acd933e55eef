"""Finds what makes a test fail only in company: the evidence of earlier runs first, then a search in the lane."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec

from greenlane.config.context import Context
from greenlane.config.lanes import Lane
from greenlane.config.leaks import LeakPolicy
from greenlane.config.load import Settings
from greenlane.environment.installers import installer_of
from greenlane.errors import ConfigError, GreenlaneError, Interrupted
from greenlane.evidence.artifacts import CONTRACT, JOURNAL, OUTPUT, RECORD
from greenlane.evidence.contract import Contract, Task
from greenlane.evidence.evidence import GateState
from greenlane.evidence.reader import collect, read_journal
from greenlane.evidence.search import Conclusion, Findings
from greenlane.polluter.suspects import Traces, text_of, traces
from greenlane.run.assembly import supervisor_plan
from greenlane.run.contract import lane_contract
from greenlane.run.job import LaneJob, new_run_id
from greenlane.run.packages import leak_policy
from greenlane.run.prepared import PreparedLane, prepared_lane
from greenlane.run.pytest_arguments import pytest_arguments
from greenlane.run.services import ServiceResolver
from greenlane.run.supervise import run_supervisor
from greenlane.run.tree import tree_of
from greenlane.sharding.assignment import file_of
from greenlane.supervisor.plan import OutputMode, SearchPlan

PURPOSE = "polluter"


def lane_of(settings: Settings, victim: str, requested: str) -> Lane:
    """Return the lane that a test belongs to.

    Args:
        victim: node id; requested: name of the lane, empty to find it.

    Raises:
        ConfigError: the lane is unknown, or no lane or several have the test's file.
    """
    if requested:
        return settings.lane(requested)
    path = Path(file_of(victim))
    lanes = [
        lane for lane in settings.configuration.lanes.values()
        if any(Path(file_of(test)) in (path, *path.parents) for test in lane.tests)
    ]  # fmt: skip
    if len(lanes) == 1 and (settings.root / path).exists():
        return lanes[0]
    known = ", ".join(f"{lane.name} ({' '.join(lane.tests)})" for lane in settings.configuration.lanes.values())
    if not (settings.root / path).exists():
        raise ConfigError(f"{path} does not exist in {settings.project}", "name a test as pytest does: file::test")
    what = "several lanes have" if lanes else "no lane has"
    raise ConfigError(f"{what} the file {path}; lanes: {known}", "name one with --lane")


def evidence(settings: Settings, lane: Lane, victim: str) -> Traces:
    """Return what the newest run of a lane on this very tree tells about a test; nothing without such a run."""
    folder = settings.root / settings.configuration.artifacts / lane.name
    tree = ""
    found = Traces()
    for path in sorted(folder.rglob(RECORD)):
        item = collect(path.parent)
        tree = tree or tree_of(settings)
        if item.damage or item.record.tree != tree or victim not in item.journal.collected:
            continue
        known = traces(item.journal, victim, text_of(_text(settings.root / file_of(victim)), victim))
        if known.leaks or known.before:
            found = known
    return found


def _watching(settings: Settings) -> LeakPolicy:
    """Return what the leak guard looks at when it is asked for names: at something in any case."""
    leaks = leak_policy(settings)
    return leaks if leaks.level != "off" else msgspec.structs.replace(leaks, level="warn")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def by_evidence(known: Traces, victim: str) -> Findings | None:
    """Return the answer that needs no further run; None when the evidence names nobody."""
    if not known.named:
        return None
    leaks = tuple(leak for leak in known.leaks if leak.nodeid == known.named)
    return Findings(conclusion=Conclusion.POLLUTED, victim=victim, tests=(known.named,), leaks=leaks)


def make_job(context: Context, lane: Lane, gates: tuple[GateState, ...], *, color: bool) -> LaneJob:
    """Return a request for a lane's environment in which something else than the lane is done."""
    return LaneJob(
        context=context, lane=msgspec.structs.replace(lane, shards=(), coverage=None), shard="", run_id=new_run_id(),
        gates=gates, purpose=PURPOSE, color=color,
    )  # fmt: skip


def search(job: LaneJob, victim: str, known: Traces, seed: int | None, *, quiet: bool) -> Findings:
    """Search in copies of one lane process.

    Args:
        job: the lane.
        victim: node id.
        known: what is known from an earlier run.
        seed: of the order in which tests are tried; None for the order of the files.
        quiet: whether progress is kept to the log.

    Raises:
        ConfigError: this system cannot copy processes.
        GreenlaneError: the lane process did not come to its end.
    """
    if not hasattr(os, "fork"):
        raise ConfigError("greenlane polluter needs a system with fork", "search on Linux or macOS")
    with _prepared(job) as prepared:
        answer = prepared.scratch / "findings.json"
        plan = SearchPlan(
            victim=victim, suspects=known.suspects, before=known.before, cores=os.cpu_count() or 1, answer=str(answer)
        )
        contract = _contract(prepared, Task.PROBE, job.lane.tests, _watching(job.settings), seed)
        _supervise(prepared, contract, output_mode=OutputMode.NONE if quiet else OutputMode.OWN, search=plan)
        try:
            findings = msgspec.json.decode(answer.read_bytes(), type=Findings)
        except OSError as error:
            log = job.artifacts / OUTPUT
            raise GreenlaneError("the lane ended before the search did", f"read {log}") from error
    left = read_journal(job.artifacts / JOURNAL).leaks
    return msgspec.structs.replace(findings, leaks=left)


def replay(job: LaneJob, tests: Sequence[str]) -> int:
    """Run tests in this order in one ordinary process, where nothing is restored between them; return pytest's status.

    Raises:
        Interrupted: it was stopped.
    """
    with _prepared(job) as prepared:
        return _supervise(prepared, _contract(prepared, Task.REPLAY, tuple(tests), LeakPolicy(level="off")))


def _contract(
    prepared: PreparedLane, task: Task, tests: tuple[str, ...], leaks: LeakPolicy, seed: int | None = None
) -> Contract:
    """Return what the lane process is promised; without a seed tests are in the order of their files."""
    job = prepared.job
    arguments = pytest_arguments(
        msgspec.structs.replace(job.lane, tests=tests), artifacts=str(job.artifacts), scratch=str(prepared.scratch),
        workers=0, color=job.color,
    )  # fmt: skip
    order = "file" if seed is None else "random"
    return lane_contract(prepared, (*arguments, "-n", "0"), tests, task=task, leaks=leaks, order=order, seed=seed or 0)


def _supervise(prepared: PreparedLane, contract: Contract, **options: Any) -> int:
    """Run a process in the lane's environment, without a deadline; return its exit status.

    Args:
        options: fields of the supervisor's plan.

    Raises:
        Interrupted: it was stopped.
        GreenlaneError: it could not be started.
    """
    path = prepared.job.artifacts / CONTRACT
    path.write_bytes(msgspec.json.encode(contract))
    command = (prepared.environment.python, "-P", "-s", "-m", "pytest", *contract.arguments)
    plan = msgspec.structs.replace(supervisor_plan(prepared, command, path), budget=0.0, **options)
    result = run_supervisor(plan, prepared.job)
    if result.interrupted:
        raise Interrupted("stopped before its end")
    if result.failure or result.exit_status is None:
        raise GreenlaneError(result.failure or "the lane process has no exit status", f"read {plan.log}")
    return result.exit_status


def _prepared(job: LaneJob) -> AbstractContextManager[PreparedLane]:
    """Build the lane's environment or prove it right, and hold it."""
    installer = installer_of(job.context)
    return prepared_lane(job, installer, ServiceResolver(job.context, installer))
