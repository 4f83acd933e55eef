"""Runs the supervisor: a process of its own, which outlives neither us nor the lane."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from greenlane.environment.variables import MEASURED, WINDOWS
from greenlane.errors import GreenlaneError, Interrupted
from greenlane.evidence.evidence import LaneRecord, LaneResult
from greenlane.run import coverage as measure
from greenlane.run.job import LaneJob
from greenlane.run.planned import PlannedLane
from greenlane.run.prepared import PreparedLane
from greenlane.run.progress import watched
from greenlane.run.record import lane_record
from greenlane.supervisor.plan import Plan
from greenlane.util.launch import harness_environment, run_child


def run_supervisor(plan: Plan, job: LaneJob, output: Callable[[bytes], None] | None = None) -> LaneResult:
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
        return msgspec.json.decode(Path(plan.result).read_bytes(), type=LaneResult)
    except OSError as error:
        if status in (130, -2, -9, -15):
            raise Interrupted("the run was stopped before its end") from error
        raise GreenlaneError(
            f"the supervisor of {plan.label} ended with exit status {status}", str(plan.log)
        ) from error


def supervised_lane(prepared: PreparedLane, planned: PlannedLane) -> LaneRecord:
    """Run the supervisor, and return the lane record made from its answer."""
    job, plan, config = prepared.job, planned.plan, planned.measuring
    python, root = prepared.environment.python, job.settings.root
    with watched(job, plan, planned.workers) as output:
        result = run_supervisor(plan, job, output)
    measured = measure.percent(python, config, root, plan.environment) if config else None
    if config and measured is not None:
        measure.reports(python, config, root, plan.environment)
    return lane_record(prepared, result, seed=planned.seed, workers=planned.workers, coverage=measured)
