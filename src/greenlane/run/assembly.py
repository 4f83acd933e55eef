"""What the supervisor is told, for a run of a lane and for anything else that happens in its environment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from greenlane.config.context import Context
from greenlane.evidence.artifacts import JOURNAL, OUTPUT
from greenlane.evidence.contract import CONTRACT_VARIABLE
from greenlane.judge.address import Base, resolve
from greenlane.run.base_environment import base_environment, process_environment, service_plans
from greenlane.run.guards import given_files
from greenlane.run.prepared import PreparedLane
from greenlane.supervisor.plan import Plan


def secret_values(context: Context) -> dict[str, str]:
    """Return every secret that a provider declares and the caller has, by name."""
    providers, environ = context.settings.configuration.providers.values(), context.environ
    return {name: environ[name] for provider in providers for name in provider.secrets if environ.get(name, "").strip()}


def supervisor_plan(prepared: PreparedLane, command: Sequence[str], contract: Path) -> Plan:
    """Return the plan of a process in a lane's environment, with the lane's services beside it.

    Args:
        command: what is started; contract: path of what it is promised.
    """
    job, scratch = prepared.job, prepared.scratch
    own = base_environment(job, prepared.environment, scratch)
    lane, settings, artifacts = job.lane, job.settings, job.artifacts
    # A hermetic lane cannot reach an address outside its own namespace: its service is always its own.
    base = Base() if lane.deterministic else resolve(settings.configuration.address, job.environ)
    return Plan(
        label=job.label,
        command=tuple(command),
        environment={**process_environment(job, own, lane.env), CONTRACT_VARIABLE: str(contract)},
        cwd=settings.project,
        budget=lane.budget or 0.0,
        isolate=lane.deterministic,
        services=tuple(service_plans(job, prepared.environment, prepared.services, own, base.url)),
        absent=tuple(prepared.services.absent.values()),
        address=settings.configuration.address,
        base=base.url,
        base_source=base.source,
        files=given_files(job.guards, lane, settings.root, artifacts),
        secrets=secret_values(job.context),
        log=str(artifacts / OUTPUT),
        journal=str(artifacts / JOURNAL),
        contract=str(contract),
        result=str(scratch / "result.json"),
    )
