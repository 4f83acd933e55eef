"""Reads the caller's router configuration, and decides which one each lane gets."""

from __future__ import annotations

from pathlib import Path

from greenlane.config.context import Context
from greenlane.config.lanes import Lane
from greenlane.config.load import Settings
from greenlane.environment.yaml_file import read_yaml
from greenlane.errors import ConfigError
from greenlane.evidence.artifacts import STUB
from greenlane.evidence.violation import Violation
from greenlane.judge.router import Choice, groups_of, missing, wanted
from greenlane.supervisor.plan import RouterPlan


def guard(context: Context, strict: bool) -> tuple[Choice, list[Violation]]:
    """Return which router configuration lanes get, and GROUP_MISSING for each group that the caller's own lacks.

    Args:
        context: whose environment names the configuration.
        strict: whether a missing group is red.

    Raises:
        ConfigError: the caller's configuration cannot be read, or is none.
    """
    settings, environ = context.settings, context.environ
    router = settings.configuration.router
    groups = wanted(router, environ)
    named = environ.get(router.variable, "").strip()
    if not groups or not named:
        return Choice(groups=groups), []
    file = (settings.root / named).resolve()
    try:
        found = groups_of(read_yaml(file, context))
    except ValueError as error:
        raise ConfigError(f"{file} ({router.variable}): {error}", "see LiteLLM's `model_list`") from error
    notes = missing(groups, found, str(file), router.variable, strict)
    return Choice(groups=groups, config="" if notes else str(file)), notes


def router_plan(settings: Settings, lane: Lane, choice: Choice, artifacts: Path) -> RouterPlan | None:
    """Return the router configuration of a lane; None where no group must resolve.

    A deterministic lane gets the stub whatever the caller has: his own may hold keys, and hosts that it cannot reach.

    Args:
        artifacts: folder of the run, where its stub lies.
    """
    if not choice.groups:
        return None
    return RouterPlan(
        router=settings.configuration.router,
        groups=choice.groups,
        config="" if lane.deterministic else choice.config,
        stub=str(artifacts / STUB),
        latest=str(settings.root / settings.configuration.stub),
    )
