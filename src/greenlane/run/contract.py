"""What a process in a lane's environment is promised."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec.structs import asdict

from greenlane.config.leaks import LeakPolicy
from greenlane.config.load import Settings
from greenlane.evidence.contract import Contract, Task
from greenlane.run.claims import claims_of
from greenlane.run.job import LaneJob
from greenlane.run.prepared import PreparedLane
from greenlane.version import VERSION


def lane_contract(
    prepared: PreparedLane, arguments: tuple[str, ...], tests: tuple[str, ...], *, task: Task, leaks: LeakPolicy,
    order: str, seed: int,
) -> Contract:  # fmt: skip
    """Return the contract of a process.

    Args:
        arguments: command line of pytest.
        tests: files, folders or node ids that the whole consists of.
        task: what the process is for; leaks: what the leak guard does.
        order: `file` or `random`; seed: of a random order.
    """
    job, lane = prepared.job, prepared.job.lane
    return Contract(
        **asdict(job.identity),
        project=job.settings.project,
        artifacts=str(job.artifacts),
        arguments=arguments,
        tests=tests,
        plugin=VERSION,
        plan=job.plan.files if job.plan else {},
        network=not lane.deterministic and not lane.reach,
        reach=lane.reach,
        leaks=leaks,
        claims=claims_of(job.settings, job.ledger, lane),
        known=_known(job),
        closed={g.provider: g.reason for g in job.gates if not g.open or g.provider not in lane.providers},
        only=bool(job.only),
        services={name: job.settings.configuration.services[name].shards for name in lane.services},
        absent={name: record.absent for name, record in prepared.services.absent.items()},
        task=task,
        order=order,
        seed=seed,
        preload=lane.preload,
        reads=job.reads,
        observe=job.observe,
    )


def _known(job: LaneJob) -> tuple[tuple[str, str], ...]:
    """Return the leaks that the ledger lists for a lane."""
    lanes = ("", job.lane.name, job.lane.variant_of)
    return tuple((entry.what, entry.test) for entry in job.ledger.leaks if entry.lane in lanes)


NOT_CODE = frozenset({"build", "conftest", "dist", "docs", "noxfile", "setup", "test", "tests"})
"""Names in a project's folder that are no package of it."""


def own_packages(root: Path) -> tuple[str, ...]:
    """Return the packages and modules below `src`, or, without such a folder, those beside `pyproject.toml`."""
    folder = root / "src" if (root / "src").is_dir() else root
    modules = {path.stem for path in folder.glob("*.py")}
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    return tuple(sorted(name for name in modules | packages if name.isidentifier() and name not in NOT_CODE))


def leak_policy(settings: Settings) -> LeakPolicy:
    """Return what the leak guard does in this project: unless packages are named, it watches the project's own."""
    leaks = settings.configuration.leaks
    return leaks if leaks.watch else msgspec.structs.replace(leaks, watch=own_packages(settings.root))
