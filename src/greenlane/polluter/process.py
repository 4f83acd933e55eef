"""A process of pytest in a lane's own environment, for another purpose than to run the lane."""

from __future__ import annotations

from typing import Any

import msgspec

from greenlane.config.leaks import LeakPolicy
from greenlane.errors import GreenlaneError, Interrupted
from greenlane.evidence.artifacts import CONTRACT
from greenlane.evidence.contract import Contract, Task
from greenlane.run.assembly import supervisor_plan
from greenlane.run.contract import lane_contract
from greenlane.run.prepared import PreparedLane
from greenlane.run.pytest_arguments import pytest_arguments
from greenlane.run.supervise import run_supervisor


def promised(
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


def supervised(prepared: PreparedLane, contract: Contract, **options: Any) -> int:
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
