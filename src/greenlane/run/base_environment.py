"""What the processes of a lane are given: their environment variables, and the services beside them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from greenlane.config.lanes import LaneKind, Service
from greenlane.environment.variables import lane_environment
from greenlane.evidence.evidence import Environment
from greenlane.judge.address import own_place
from greenlane.run.job import LaneJob
from greenlane.run.services import ResolvedServices
from greenlane.supervisor.plan import ServicePlan
from greenlane.supervisor.services import resolve_command


def base_environment(job: LaneJob, environment: Environment, scratch: Path) -> dict[str, str]:
    """Return what the lane cannot run without, each value our own choice.

    Args:
        scratch: private folder of this run; home and temporary folder are made in it.
    """
    home, temporary = scratch / "home", scratch / "tmp"
    home.mkdir()
    temporary.mkdir()
    return {
        **_place(environment),
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0" if job.lane.deterministic else "random",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _place(environment: Environment) -> dict[str, str]:
    """Return the variables by which programs find an environment."""
    system = os.defpath if os.name == "nt" else "/usr/local/bin:/usr/bin:/bin"
    binaries = str(Path(environment.python).parent)
    return {"PATH": os.pathsep.join((binaries, system)), "VIRTUAL_ENV": environment.location}


def process_environment(job: LaneJob, own: Mapping[str, str], entries: Iterable[str]) -> dict[str, str]:
    """Return everything that a process of the lane sees; secrets only of open gates, only in a release lane.

    Args:
        own: what it cannot run without.
        entries: what it declares, `NAME` or `NAME=value`.
    """
    providers = job.settings.configuration.providers
    secrets: list[str] = []
    if job.lane.kind is LaneKind.RELEASE:
        opened = [gate.provider for gate in job.gates if gate.open and gate.provider in job.lane.providers]
        secrets = [secret for name in opened for secret in (*providers[name].secrets, *providers[name].variables)]
        secrets.append("LIVE_PROVIDERS")
    return lane_environment(job.environ, base_environment=own, entries=entries, secrets=secrets)


def service_plans(
    job: LaneJob, environment: Environment, resolved: ResolvedServices, own: Mapping[str, str], base: str
) -> list[ServicePlan]:
    """Return the services that are started or examined, in order.

    Args:
        environment: of the lane, in which a service without one of its own lives.
        resolved: where the others live, and what is absent.
        own: base environment of the lane.
        base: address that the base variables name; the service that they follow is then examined, and started there
            only when nobody is.
    """
    address = job.settings.configuration.address
    plans = []
    for name, service in job.services.items():
        if name in resolved.absent:
            continue
        home = resolved.environments.get(name, environment)
        external = resolved.instead.get(name) or (base if name == address.service else "")
        plans.append(_plan(job, name, service, home, {**own, **_place(home)}, external))
    return plans


def _plan(
    job: LaneJob, name: str, service: Service, home: Environment, own: Mapping[str, str], external: str
) -> ServicePlan:
    """Return one service as the supervisor must know it; somebody else's server has paths of its own."""
    other, model = service.instead if external else None, ""
    if other:
        model = job.environ.get(other.model_variable, "").strip() if other.model_variable else ""
        asked = {"ready": other.ready, "models": other.models, "identity": "", "meter": "", "refused": ""}
        service = msgspec.structs.replace(service, **asked)
    return ServicePlan(
        name=name,
        service=service,
        command=resolve_command(service.command, str(Path(home.python).parent)),
        environment=process_environment(job, own, service.env),
        cwd=job.settings.project,
        log=str(job.artifacts / f"{name}.log"),
        external=external,
        model=model,
        port=own_place(service, external),
    )
