"""Names of the environment: those that the harness reads, what each means, and how their values are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from greenlane.config.lanes import Lane
from greenlane.config.schema import Configuration


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """An environment name that we read: what it means and, when it is set, its value."""

    name: str
    meaning: str
    value: str | None = None


FIXED = {
    "STRICT_READY": "strict policy",
    "READINESS_EXPECT": "checks, lanes, providers or services that must run and pass",
    "READINESS_LIVE": "asks for live checks",
    "LIVE_PROVIDERS": "the switch without which no provider is called",
    "READINESS_FAIL_ON_SKIP": "skips fail in every lane",
    "READINESS_DISABLE_TIMEOUT": "no lane budget; per-test timeouts stay",
    "PYTEST_XDIST_AUTO_NUM_WORKERS": "workers of a lane with workers = \"auto\"",
    "PYTEST_ADDOPTS": "options passed on to pytest; `-k` of shard names chooses shards, any other selection is PARTIAL",
    "GREENLANE_QUEUE": "the queue that a named shard pulls files from",
    "GREENLANE_PLAN": "path of the plan that shards are cut by, made by `greenlane plan --out`; `--plan` is stronger",
    "GREENLANE_UV": "the uv that builds environments",
}  # fmt: skip


ALIASES = "all_smokes"
"""How names begin by which operators know lanes, and the variables of their budgets."""


def budget_variables(lane: Lane) -> tuple[str, ...]:
    """Return the names of the variables that set the budget of a lane, the strongest first: its own, its aliases'.

    Only those that say whose they are: PYTEST_TIMEOUT is pytest-timeout's, whatever a lane calls itself.
    """
    own = f"{ALIASES}_{lane.name}"
    return tuple(
        f"{name.upper().replace('-', '_')}_TIMEOUT"
        for name in dict.fromkeys((own, *(alias for alias in lane.aliases if alias.startswith(ALIASES))))
    )


def variables(configuration: Configuration, environ: Mapping[str, str]) -> tuple[Variable, ...]:
    """Return every name that is read, with the caller's value; secrets are not among them.

    Args:
        configuration: what further names come from.
    """
    address, router = configuration.address, configuration.router
    known = dict(FIXED)
    budgets: dict[str, list[str]] = {}
    for lane in _own(configuration):
        for name in budget_variables(lane):
            budgets.setdefault(name, []).append(lane.name)
    known |= {name: f"budget of {', '.join(lanes)} in seconds" for name, lanes in budgets.items()}
    known |= {address.variable: "the one base", address.host_variable: "its host", address.port_variable: "its port"}
    known |= dict.fromkeys(address.same, "must carry the same base")
    known |= {router.variable: "the router configuration", router.group_variable: "the group that tests ask for"}
    for name, service in configuration.services.items():
        if service.when:
            known.setdefault(service.when, f"starts service {name}")
        if service.instead:
            known.setdefault(service.instead.variable, f"somebody else's {name}")
            known.setdefault(service.instead.model_variable, "model that is asked of it")
    named = {name: meaning for name, meaning in known.items() if name}
    return tuple(Variable(name=name, meaning=meaning, value=environ.get(name)) for name, meaning in named.items())


def _own(configuration: Configuration) -> list[Lane]:
    """Return the lanes that somebody wrote down."""
    return [lane for lane in configuration.lanes.values() if not lane.variant_of]


def split_entries(entries: Iterable[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the names that are let through and the values that are set, of `NAME` and `NAME=value` entries."""
    names: list[str] = []
    values: dict[str, str] = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if equals:
            values[name] = value
        else:
            names.append(name)
    return tuple(names), values


TRUE_WORDS = frozenset({"1", "true", "yes", "on"})


FALSE_WORDS = frozenset({"", "0", "false", "no", "off"})


def neither(value: str | None) -> bool:
    """Return whether an environment value means neither yes nor no."""
    return (value or "").strip().lower() not in TRUE_WORDS | FALSE_WORDS


def truthy(value: str | None) -> bool:
    """Return whether an environment value means yes: `1`, `true`, `yes` or `on` in any case."""
    return (value or "").strip().lower() in TRUE_WORDS
