"""The configuration as a user writes it, `[tool.greenlane]` of `pyproject.toml`."""

from __future__ import annotations

import msgspec

from greenlane.model.change import ChangeRule
from greenlane.model.contract import LeakPolicy
from greenlane.model.lane import Address, Lane, LaneKind, Policy, Provider, Service


class ExtraLock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lock for something else than a lane, `locks/<name>.txt`, such as the code checkers.

    Attributes:
        groups: dependency groups that it holds.
        project: whether it also holds the project's dependencies with all extras.
    """

    groups: tuple[str, ...]
    project: bool = False


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the reports of `ready` go, relative to the project; empty for none."""

    markdown: str = "PROJECT_READY.md"
    json: str = "local/artifacts/mvp/mvp_report.json"


DEFAULT_BUDGETS: dict[LaneKind, float] = {
    LaneKind.DETERMINISTIC: 600.0,
    LaneKind.NONDETERMINISTIC: 1200.0,
    LaneKind.RELEASE: 600.0,
}
"""Seconds that a lane, or one shard of it, may take by default."""


class Configuration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be configured; see each class for its keys.

    Attributes:
        artifacts: folder of what lanes leave behind, relative to the project.
        environments: folder of the lane environments, relative to the project.
    """

    lanes: dict[str, Lane] = {}
    services: dict[str, Service] = {}
    providers: dict[str, Provider] = {}
    policies: dict[str, Policy] = {}
    address: Address = Address()
    leaks: LeakPolicy = LeakPolicy()
    report: Report = Report()
    locks: dict[str, ExtraLock] = {}
    changes: dict[str, ChangeRule] = {}
    artifacts: str = ".artifacts"
    environments: str = ".nox/greenlane"
