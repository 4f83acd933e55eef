"""What one probe asks of one endpoint: written by the command, read by the lane."""

from __future__ import annotations

from pathlib import Path

import msgspec

from greenlane.ext.probe.pack.table import check_named, checks_for
from greenlane.ext.probe.values import Check, Dialect, Profile, Severity

FILE = "probe.json"
LATENCY = "latency.told"


class Target(msgspec.Struct, frozen=True):
    """A dialect, and the model that is asked in it."""

    dialect: Dialect
    model: str


class Limit(msgspec.Struct, frozen=True):
    """What a whole probe may cost: tokens of prompts and answers, seconds, requests."""

    tokens: int = 200_000
    seconds: float = 300.0
    calls: int = 1000


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked.

    Attributes:
        url: of the endpoint; key_env: name of the variable with its key, empty for none.
        targets: what is asked, dialect by dialect.
        profile: how much is asked; needed: the profile without which the endpoint is not ready.
        samples: runs of a check that depends on chance; at_least: of these that must pass.
        limit: what the probe may cost.
        bounds: most seconds of the figures `first`, `between` and `whole`, by name; none judges nothing.
        seed: of everything that is drawn.
        patience: seconds for one answer.
    """

    url: str
    key_env: str = ""
    targets: tuple[Target, ...]
    profile: Profile = Profile.FULL
    needed: Profile = Profile.BASIC
    samples: int = 5
    at_least: int = 4
    limit: Limit = Limit()
    bounds: dict[str, float] = {}
    seed: int = 1
    patience: float = 60.0

    def checks(self) -> list[tuple[Target, Check]]:
        """Return what is run, in order: what is needed most comes first, in case the budget does not reach."""
        every = [(target, check) for target in self.targets for check in checks_for(target.dialect, self.profile)]
        return sorted(every, key=lambda one: one[1].profile.rank)

    def names(self, *, sampled: bool) -> list[str]:
        """Return the ids of the checks that depend on chance, or of the others."""
        return [name_of(target, check) for target, check in self.checks() if check.sampled is sampled]

    def gates(self, check: Check) -> bool:
        """Whether an endpoint that fails a check is not ready."""
        if check.name == LATENCY:
            return bool(self.bounds)
        return check.severity is Severity.MUST and check.profile.rank <= self.needed.rank

    def found(self, name: str) -> tuple[Target, Check]:
        """Return what an id names."""
        dialect, _, rest = name.partition(":")
        model, _, check = rest.rpartition(":")
        return Target(Dialect(dialect), model), check_named(Dialect(dialect), check)


def name_of(target: Target, check: Check) -> str:
    """Return the id of a check of a target."""
    return f"{target.dialect.value}:{target.model}:{check.name}"


def read_asked(folder: Path) -> Asked:
    """Return what the command wrote into a folder."""
    return msgspec.json.decode((folder / FILE).read_bytes(), type=Asked)
