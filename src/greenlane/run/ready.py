"""The life of a run, as a short list of steps."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from greenlane.config.context import Context
from greenlane.config.lanes import Lane
from greenlane.config.load import Settings
from greenlane.config.names import canonical, nearest
from greenlane.config.services import gated_services
from greenlane.environment.build import lock_digest
from greenlane.environment.installers import find_installer
from greenlane.environment.yaml_file import read_yaml
from greenlane.errors import ConfigError, EnvironmentBuildError, Interrupted
from greenlane.evidence.evidence import GateState, LaneEvidence, Requirements
from greenlane.evidence.progress import NULL_LISTENER, ProgressListener
from greenlane.evidence.verdict import Verdict
from greenlane.evidence.violation import Code, Violation
from greenlane.history.ledger import in_force, read_ledger
from greenlane.history.recall import with_history
from greenlane.judge.address import disagreements, endpoints, resolve
from greenlane.judge.gates import gate, gate_line
from greenlane.judge.judge import judge
from greenlane.judge.quarantine import day_of
from greenlane.judge.requirements import any_open, checks_of, lane_of_provider, needed_lanes
from greenlane.run.examiners import added_examiners
from greenlane.run.guards import Guarded, Look, look_around
from greenlane.run.job import LaneJob
from greenlane.run.lane import failed_record, new_run_id, run_lane, written_by_us
from greenlane.run.planning import choose_plan, queued_plan
from greenlane.run.services import ServiceResolver
from greenlane.sharding.keywords import choose_shards
from greenlane.sharding.plan import ShardPlan
from greenlane.util.processes import end_survivors
from greenlane.util.work_tree import tree_state
from greenlane.version import VERSION


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked for.

    Attributes:
        policy: name of the policy that the verdict is for.
        lanes: names of the lanes that are needed.
        shards: names of the only shards that are wanted, empty for all.
        seed: of a random order; None draws one.
        queue: name of the queue that the one named shard pulls files from; empty for none.
        plan: path of a plan that shards are cut by, made for this run elsewhere; empty for none.
        lane: the lane that is judged by itself; empty for a verdict of the project, which tells of every provider.
        only: node ids that are run instead of the whole lane.
    """

    policy: str
    lanes: tuple[str, ...]
    shards: tuple[str, ...] = ()
    strict: bool = False
    expected: tuple[str, ...] = ()
    seed: int | None = None
    lane: str = ""
    plan: str = ""
    queue: str = ""
    only: tuple[str, ...] = ()


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of lanes: what is asked for, and what was found out before the first of them.

    Attributes:
        context: of the call.
        run_id: name of the run.
        gates: state of every live provider.
        guards: what each guard gives to lanes.
        listener: who is told how each lane comes along.
    """

    context: Context
    request: RunRequest
    run_id: str
    gates: tuple[GateState, ...]
    guards: Mapping[str, Guarded]
    listener: ProgressListener


def request_of_policy(settings: Settings, name: str, seed: int | None = None, plan: str = "") -> RunRequest:
    """Return what a policy asks for, with what the environment expects on top.

    Raises:
        ConfigError: the policy, or a name that it expects, is unknown.
    """
    policy = settings.policy(name)
    wanted = canonical(settings.configuration, policy.expect, f"policies.{name}.expect")
    expected = tuple(dict.fromkeys((*wanted, *_expected(settings))))
    return RunRequest(
        policy=name,
        lanes=needed_lanes(settings.configuration, policy.lanes, expected, settings.live),
        strict=policy.strict or settings.strict,
        expected=expected,
        seed=seed,
        plan=plan,
    )


def request_of_lane(
    settings: Settings, name: str, shards: Sequence[str] = (), seed: int | None = None, plan: str = "",
    only: Sequence[str] = (),
) -> RunRequest:  # fmt: skip
    """Return what running one lane, some of its shards or single tests of one of them, asks for.

    Raises:
        ConfigError: the lane or a shard is unknown, or single tests are asked for and no shard to run them in.
    """
    lane = settings.lane(name)
    name = lane.name
    chosen = _shards(lane, shards)
    if only and lane.shards and len(chosen) != 1:
        raise ConfigError(f"--only needs the one shard of {name} to run in; known: {', '.join(lane.shards)}")
    own = {name, *checks_of(lane), *lane.providers, *lane.services}
    expected = tuple(word for word in _expected(settings) if word in own)
    return RunRequest(
        policy="", lane=name, lanes=(name,), shards=chosen, strict=settings.strict,
        expected=expected, seed=seed, plan=plan, only=tuple(only),
    )  # fmt: skip


def _expected(settings: Settings) -> tuple[str, ...]:
    """Return the checks that the caller's environment expects."""
    return canonical(settings.configuration, settings.expected, "READINESS_EXPECT")


def chosen_shards(
    lane: Lane, words: Sequence[str], keyword: str, environ: Mapping[str, str]
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Return the shards that names and `-k` choose, and the environment that the lane then gets.

    Args:
        words: shards that were named; keyword: expression of `-k` on the command line, empty for none.
        environ: the caller's environment; options of pytest are in PYTEST_ADDOPTS.

    Raises:
        ConfigError: the lane has no such shard, or none is left.
    """
    named = _shards(lane, words)
    addopts = environ.get("PYTEST_ADDOPTS", "")
    shards, rest, expression = choose_shards(addopts, keyword, named, _shard_names(lane))
    if expression and not shards:
        left = ", ".join(named or lane.shards)
        raise ConfigError(f"-k {expression!r} leaves no shard of {lane.name}; it chooses among {left}")
    return shards, {**environ, "PYTEST_ADDOPTS": rest} if rest != addopts else environ


def _shard_names(lane: Lane) -> dict[str, str]:
    """Return each name of a shard, its own and aliases, with the shard."""
    aliases = {alias: shard for shard, others in lane.shard_aliases.items() for alias in others}
    return {**{shard: shard for shard in lane.shards}, **aliases}


def _shards(lane: Lane, words: Sequence[str]) -> tuple[str, ...]:
    """Return the shards that names and aliases mean.

    Raises:
        ConfigError: the lane has no such shard.
    """
    known = _shard_names(lane)
    unknown = [word for word in words if word not in known]
    if unknown:
        listed = ", ".join(map(repr, unknown)) + nearest(unknown[0], tuple(known))
        names = ", ".join(lane.shards) or "none, the lane is not sharded"
        raise ConfigError(f"lane {lane.name} has no shard {listed}; known: {names}")
    return tuple(dict.fromkeys(known[word] for word in words))


def decide(
    context: Context, request: RunRequest, listener: ProgressListener = NULL_LISTENER
) -> tuple[Verdict, list[LaneEvidence]]:
    """Run what is asked for and judge it.

    Args:
        context: of the call.
        request: what is asked for.
        listener: who is told how each lane comes along.

    Raises:
        ConfigError: a setting is wrong; nothing was run.
    """
    settings = context.settings
    run_id = new_run_id()
    gates = open_gates(context)
    # As they are before any code of a lane runs: what is excused, and what is remembered of this tree.
    before = with_history(make_requirements(settings, request, gates, run_id), context)
    notes = check_addresses(context, request.strict)
    guards = look_around(Look(context=context, strict=request.strict, read_yaml=partial(read_yaml, context=context)))
    notes += [note for guarded in guards.values() for note in guarded.notes]
    evidence: list[LaneEvidence] = []
    if not any(note.gating for note in notes):
        run = Run(
            context=context,
            request=request,
            run_id=run_id,
            gates=gates,
            guards=guards,
            listener=listener,
        )
        evidence, stopped = _run_lanes(run)
        notes += stopped
    after = make_requirements(settings, request, gates, run_id)
    requirements = msgspec.structs.replace(after, ledger=before.ledger, past=before.past, flaky=before.flaky)
    verdict = judge(requirements, evidence, notes, added_examiners())
    verdict = msgspec.structs.replace(verdict, made_at=time.time(), project=settings.project)
    return verdict, evidence


def open_gates(context: Context) -> tuple[GateState, ...]:
    """Return the state of every live provider; the variables of the one base count as set where there is one."""
    configuration, environ = context.settings.configuration, context.environ
    address = configuration.address
    try:
        base = resolve(address, environ).url
    except ValueError:  # which is reported where the addresses are checked
        base = ""
    known = {**environ, **(endpoints(address, base) if base else {})}
    return tuple(gate(name, provider, known) for name, provider in configuration.providers.items())


def check_addresses(context: Context, strict: bool) -> list[Violation]:
    """Return what is wrong with the base variables.

    Raises:
        ConfigError: a variable holds no address.
    """
    address, environ = context.settings.configuration.address, context.environ
    try:
        base = resolve(address, environ)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return disagreements(address, base, environ, strict)


def _run_lanes(run: Run) -> tuple[list[LaneEvidence], list[Violation]]:
    """Run every needed lane and shard; an interruption ends the list and is a violation."""
    settings, gates, environ, say = run.context.settings, run.gates, run.context.environ, run.context.say
    installer = find_installer(settings.root / settings.configuration.environments, environ)
    resolver = ServiceResolver(run.context, installer)
    evidence: list[LaneEvidence] = []
    for name in run.request.lanes:
        lane = settings.lane(name)
        absent = [test for test in lane.tests if not (settings.root / test).exists()]
        if absent:
            raise ConfigError(f"lanes.{name}.tests: {', '.join(absent)} does not exist in {settings.project}")
        for state in gates:
            if state.provider in lane.providers:
                say(gate_line(state, settings.configuration.providers[state.provider]))
        if not any_open(lane, gates):
            continue
        for job in _jobs(run, lane):
            say(f"{job.label}: starting")
            try:
                evidence.append(run_lane(job, installer, resolver))
            except EnvironmentBuildError as error:
                say("\n".join(error.lines()))
                evidence.append(failed_record(job, error.message, "DRIFT"))
            except (Interrupted, KeyboardInterrupt):
                end_survivors()  # an installer that was just being started when the signal came
                return evidence, [Violation(code=Code.INTERRUPTED, message="stopped before its end", check=name)]
            if evidence[-1].record.interrupted:
                return evidence, []
    return evidence, []


def _jobs(run: Run, lane: Lane) -> list[LaneJob]:
    """Return one request for the lane, or one for each of its wanted shards."""
    shards: Sequence[str] = [s for s in lane.shards if not run.request.shards or s in run.request.shards] or [""]
    if run.request.queue:
        plan: ShardPlan | None = queued_plan(lane, run.request.shards, run.request.queue)
    else:
        plan = choose_plan(run.context.settings, lane, shards, run.request.plan)
    return [
        LaneJob(
            context=run.context, lane=lane, shard=shard, run_id=run.run_id, gates=run.gates,
            guards=run.guards, seed=run.request.seed, plan=plan, listener=run.listener,
            only=run.request.only, color=sys.stdout.isatty() and "NO_COLOR" not in run.context.environ,
        )
        for shard in shards
    ]  # fmt: skip


def make_requirements(
    settings: Settings, request: RunRequest, gates: tuple[GateState, ...], run_id: str
) -> Requirements:
    """Return what the judge must find proved."""
    lanes = [settings.lane(name) for name in request.lanes]
    owners = lane_of_provider(settings.configuration)
    covered = {lane.name: lane.coverage.fail_under for lane in lanes if lane.coverage}
    return Requirements(
        policy=request.policy,
        lane=request.lane,
        checks=tuple(check for lane in lanes for check in checks_of(lane, request.shards)),
        strict=request.strict,
        expected=request.expected,
        fail_on_skip=settings.fail_on_skip,
        services=_services(settings, request),
        providers={p: lane for p, lane in owners.items() if not request.lane or lane in request.lanes},
        declared=settings.configuration.providers,
        kinds={lane.name: lane.kind.value for lane in lanes},
        fail_under=covered,
        tree=tree_state(settings.root, written_by_us(settings)),
        locks={lane.name: lock_digest(settings.root / lane.lock) for lane in lanes if _has_lock(settings, lane)},
        run_id=run_id,
        plugin=VERSION,
        gates=tuple(state for state in gates if not request.lane or owners.get(state.provider) in request.lanes),
        ledger=in_force(settings, read_ledger(settings)),
        quarantine_kinds=tuple(kind.value for kind in settings.configuration.quarantine.kinds),
        today=day_of(time.time()),
    )


def _services(settings: Settings, request: RunRequest) -> dict[str, tuple[str, ...]]:
    """Return the lanes of each service that is a check of its own, as far as they are wanted."""
    users = gated_services(settings.configuration)
    wanted = {name: tuple(lane for lane in lanes if lane in request.lanes) for name, lanes in users.items()}
    return {name: lanes for name, lanes in wanted.items() if lanes}


def _has_lock(settings: Settings, lane: Lane) -> bool:
    """Return whether a lane's lock is there; without it the lane has failed already."""
    return Path(settings.root / lane.lock).exists()
