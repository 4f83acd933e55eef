"""The environment of control itself: what decides and reports, from a lock that the harness carries."""

from __future__ import annotations

import os

from greenlane.config.context import Context
from greenlane.config.load import Settings
from greenlane.environment.build import Recipe, prepare
from greenlane.environment.exclusive import exclusive
from greenlane.environment.installers import installer_of
from greenlane.environment.locks import CONTROL, CONTROL_LOCK
from greenlane.environment.wheels import distribution_state
from greenlane.evidence.evidence import Environment
from greenlane.util.work_tree import tree_state

NAME = CONTROL


def control_environment(context: Context) -> Environment:
    """Return the control environment, built or proved right.

    Raises:
        EnvironmentBuildError: it could not be built.
    """
    recipe = control_recipe(context.settings)
    with exclusive(recipe.location.with_suffix(".lock"), f"process {os.getpid()}", context.say):
        return prepare(recipe, installer_of(context), context.say)


def control_recipe(settings: Settings) -> Recipe:
    """Return what the control environment is built from: the harness's own lock, or that of the project."""
    location = settings.root / settings.configuration.environments / NAME
    declared = settings.configuration.locks.get(NAME)
    if declared is None:
        return Recipe(location=location, lock=CONTROL_LOCK, python="", project=None, tree=distribution_state())
    project = settings.root if declared.project else None
    state = f"{distribution_state()} {tree_state(settings.root) if project else ''}"
    lock = settings.root / "locks" / f"{NAME}.txt"
    return Recipe(location=location, lock=lock, python="", project=project, tree=state)
