"""The life of a run, as a short list of steps."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from greenlane.config.context import Context
from greenlane.config.lanes import Lane
from greenlane.environment.installers import installer_of
from greenlane.environment.yaml_file import read_yaml
from greenlane.errors import ConfigError, EnvironmentBuildError, Interrupted
from greenlane.evidence.evidence import GateState, LaneEvidence
from greenlane.evidence.ledger import Ledger
from greenlane.evidence.progress import NULL_LISTENER, ProgressListener
from greenlane.evidence.verdict import Verdict
from greenlane.evidence.violation import Code, Violation
from greenlane.history.recall import with_history
from greenlane.judge.gates import gate_line
from greenlane.judge.judge import judge
from greenlane.judge.requirements import any_open
from greenlane.run.claims import with_moved
from greenlane.run.examiners import added_examiners
from greenlane.run.gates import check_addresses, open_gates
from greenlane.run.guards import Guarded, Look, look_around
from greenlane.run.job import LaneJob, new_run_id
from greenlane.run.lane import run_lane
from greenlane.run.planning import choose_plan, queued_plan
from greenlane.run.record import failed_record
from greenlane.run.request import RunRequest
from greenlane.run.requirements import make_requirements
from greenlane.run.reuse import keep
from greenlane.run.services import ServiceResolver
from greenlane.run.suite import in_no_lane
from greenlane.sharding.plan import ShardPlan
from greenlane.util.processes import end_survivors


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of lanes: what is asked for, and what was found out before the first of them.

    Attributes:
        context: of the call.
        run_id: name of the run.
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
            ledger=before.ledger,
        )
        evidence, stopped = _run_lanes(run)
        notes += stopped
    notes += [] if request.lane else in_no_lane(settings)
    after = make_requirements(settings, request, gates, run_id)
    requirements = msgspec.structs.replace(after, ledger=before.ledger, past=before.past, flaky=before.flaky)
    verdict = judge(requirements, evidence, notes, added_examiners())
    verdict = msgspec.structs.replace(verdict, made_at=time.time(), project=settings.project)
    keep(settings.root, evidence, verdict)
    return verdict, evidence


def _run_lanes(run: Run) -> tuple[list[LaneEvidence], list[Violation]]:
    """Run every needed lane and shard; an interruption ends the list and is a violation."""
    settings, gates, say = run.context.settings, run.gates, run.context.say
    installer = installer_of(run.context)
    resolver = ServiceResolver(run.context, installer)
    evidence: list[LaneEvidence] = []
    for name in run.request.lanes:
        lane = with_moved(settings, run.ledger, settings.lane(name))
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
            if evidence[-1].record.result.interrupted:
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
            guards=run.guards, seed=run.request.seed, plan=plan, listener=run.listener, ledger=run.ledger,
            only=run.request.only, reuse=run.request.reuse,
            color=sys.stdout.isatty() and "NO_COLOR" not in run.context.environ,
        )
        for shard in shards
    ]  # fmt: skip
