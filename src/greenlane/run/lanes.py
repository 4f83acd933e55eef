"""Runs the lanes that are needed, one after the other, each in its shards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from greenlane.config.lanes import Lane
from greenlane.environment.installers import installer_of
from greenlane.errors import ConfigError, EnvironmentBuildError, Interrupted
from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.violation import Code, Violation
from greenlane.judge.gates import gate_line
from greenlane.judge.requirements import any_open
from greenlane.run.claims import with_moved
from greenlane.run.job import LaneJob, Run
from greenlane.run.lane import run_lane
from greenlane.run.planning import choose_plan, queued_plan
from greenlane.run.record import failed_record
from greenlane.run.request import lane_as_asked
from greenlane.run.services import ServiceResolver
from greenlane.sharding.plan import ShardPlan
from greenlane.util.processes import end_survivors


def run_lanes(run: Run) -> tuple[list[LaneEvidence], list[Violation]]:
    """Run every needed lane and shard; an interruption ends the list and is a violation.

    Raises:
        ConfigError: a lane has tests that are not there, or a plan does not fit it.
    """
    say = run.context.say
    resolver = ServiceResolver(run.context, installer_of(run.context))
    evidence: list[LaneEvidence] = []
    for job in _jobs(run):
        say(f"{job.label}: starting")
        try:
            evidence.append(run_lane(job, resolver))
        except EnvironmentBuildError as error:
            say("\n".join(error.lines()))
            evidence.append(failed_record(job, error.message, "DRIFT"))
        except (Interrupted, KeyboardInterrupt):
            end_survivors()  # an installer that was just being started when the signal came
            return evidence, [Violation(Code.INTERRUPTED, "stopped before its end", check=job.lane.name)]
        if evidence[-1].record.result.interrupted:
            return evidence, []
    return evidence, []


def _jobs(run: Run) -> Iterator[LaneJob]:
    """Yield what is run: each needed lane that has an open gate, or each of its wanted shards."""
    request, settings = run.request, run.context.settings
    for name in request.lanes:
        lane = with_moved(settings, run.ledger, lane_as_asked(settings, request, name))
        absent = [test for test in lane.tests if not (settings.root / test).exists()]
        if absent:
            raise ConfigError(f"lanes.{name}.tests: {', '.join(absent)} does not exist in {settings.project}")
        for state in run.gates:
            if state.provider in lane.providers:
                run.context.say(gate_line(state, settings.configuration.providers[state.provider]))
        if any_open(lane, run.gates):
            yield from _shards(run, lane)


def _shards(run: Run, lane: Lane) -> list[LaneJob]:
    """Return one job for the lane, or one for each of its wanted shards."""
    shards: Sequence[str] = [s for s in lane.shards if not run.request.shards or s in run.request.shards] or [""]
    if run.request.queue:
        plan: ShardPlan | None = queued_plan(lane, run.request.shards, run.request.queue)
    else:
        plan = choose_plan(run.context.settings, lane, shards, run.request.plan)
    return [
        LaneJob(
            context=run.context, lane=lane, shard=shard, run_id=run.run_id, gates=run.gates,
            guards=run.guards, seed=run.request.seed, plan=plan, listener=run.listener, ledger=run.ledger,
            only=run.request.only, reuse=run.request.reuse, reads=run.request.reads,
            color=run.context.color,
        )
        for shard in shards
    ]  # fmt: skip
