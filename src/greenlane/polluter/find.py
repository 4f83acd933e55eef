"""Finds what makes a test fail only in company: the evidence of earlier runs first, then a search in the lane."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from greenlane.config.context import Context
from greenlane.config.lanes import Lane
from greenlane.config.leaks import LeakPolicy
from greenlane.config.load import Settings
from greenlane.environment.build import Environment, prepare
from greenlane.environment.exclusive import exclusive
from greenlane.environment.installers import find_installer
from greenlane.errors import ConfigError, GreenlaneError, Interrupted
from greenlane.evidence.artifacts import CONTRACT, JOURNAL, OUTPUT, RECORD
from greenlane.evidence.contract import Contract, Task
from greenlane.evidence.evidence import GateState
from greenlane.evidence.reader import collect, read_journal
from greenlane.evidence.search import Conclusion, Findings
from greenlane.polluter.suspects import Traces, text_of, traces
from greenlane.run.assembly import supervisor_plan
from greenlane.run.base_environment import base_environment
from greenlane.run.job import LaneJob
from greenlane.run.lane import (
    new_run_id,
    recipe,
    remove_stale,
    run_supervisor,
    written_by_us,
)  # fmt: skip
from greenlane.run.packages import leak_policy
from greenlane.run.pytest_arguments import pytest_arguments
from greenlane.run.services import ResolvedServices, ServiceResolver
from greenlane.sharding.assignment import file_of
from greenlane.supervisor.plan import OutputMode, Plan, SearchPlan
from greenlane.util.work_tree import tree_state
from greenlane.version import VERSION

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
        tree = tree or tree_state(settings.root, written_by_us(settings))
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
    with _place(job) as place:
        answer = place.scratch / "findings.json"
        plan = SearchPlan(
            victim=victim, suspects=known.suspects, before=known.before, cores=os.cpu_count() or 1, answer=str(answer)
        )
        contract = place.contract(Task.PROBE, job.lane.tests, "file" if seed is None else "random", seed or 0)
        contract = msgspec.structs.replace(contract, leaks=_watching(job.settings))
        output_mode = OutputMode.NONE if quiet else OutputMode.OWN
        place.supervise(contract, msgspec.structs.replace(place.plan(contract), output_mode=output_mode, search=plan))
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
    with _place(job) as place:
        contract = place.contract(Task.REPLAY, tuple(tests), "file", 0)
        return place.supervise(contract, place.plan(contract))


class _Place:
    """A lane's environment with its services, for one use of it.

    Args:
        job: the lane; environment, resolved: where it and its services live; scratch: private folder.
    """

    def __init__(self, job: LaneJob, environment: Environment, resolved: ResolvedServices, scratch: Path) -> None:
        self._job = job
        self._environment = environment
        self._resolved = resolved
        self.scratch = scratch

    def contract(self, task: Task, tests: tuple[str, ...], order: str, seed: int) -> Contract:
        """Return what the lane process is told."""
        job, lane = self._job, self._job.lane
        named = msgspec.structs.replace(lane, tests=tests)
        arguments = pytest_arguments(
            named, artifacts=str(job.artifacts), scratch=str(self.scratch), workers=0, color=job.color
        )
        closed = {g.provider: g.reason for g in job.gates if not g.open or g.provider not in lane.providers}
        return Contract(
            run_id=job.run_id, lane=lane.name, kind=lane.kind.value, project=job.settings.project,
            artifacts=str(job.artifacts), arguments=(*arguments, "-n", "0"), tests=tests, plugin=VERSION,
            network=not lane.deterministic, closed=closed, task=task, order=order, seed=seed,
            services={name: job.settings.configuration.services[name].shards for name in lane.services},
            absent={name: record.absent for name, record in self._resolved.absent.items()},
        )  # fmt: skip

    def plan(self, contract: Contract) -> Plan:
        """Return what the supervisor is told."""
        job, environment = self._job, self._environment
        command = (environment.python, "-P", "-s", "-m", "pytest", *contract.arguments)
        own = base_environment(job, environment, self.scratch)
        path = job.artifacts / CONTRACT
        plan = supervisor_plan(job, environment, self._resolved, own, self.scratch, command, path)
        return msgspec.structs.replace(plan, budget=0.0)

    def supervise(self, contract: Contract, plan: Plan) -> int:
        """Run it; return the exit status of the lane process.

        Raises:
            Interrupted: it was stopped.
            GreenlaneError: it could not be started.
        """
        Path(plan.contract).write_bytes(msgspec.json.encode(contract))
        result = run_supervisor(plan, self._job)
        if result.interrupted:
            raise Interrupted("stopped before its end")
        if result.failure or result.exit_status is None:
            raise GreenlaneError(result.failure or "the lane process has no exit status", f"read {plan.log}")
        return result.exit_status


@contextmanager
def _place(job: LaneJob) -> Iterator[_Place]:
    """Build the lane's environment or prove it right, and hold it."""
    settings, say = job.settings, job.context.say
    installer = find_installer(settings.root / settings.configuration.environments, job.environ)
    made = recipe(settings, job.lane, tree_state(settings.root, written_by_us(settings)))
    with ExitStack() as stack:
        holder = f"{PURPOSE} {job.run_id} (process {os.getpid()})"
        stack.enter_context(exclusive(made.location.with_suffix(".lock"), holder, say))
        remove_stale(job)
        environment = prepare(made, installer, say)
        resolved = ServiceResolver(job.context, installer).resolve(job, stack)
        scratch = Path(tempfile.mkdtemp(prefix="greenlane-"))
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        yield _Place(job, environment, resolved, scratch)
