"""The environment of control itself: what decides and reports, from a lock that the harness carries."""

from __future__ import annotations

import os

from greenlane.config.context import Context
from greenlane.environment.build import Recipe, prepare
from greenlane.environment.exclusive import exclusive
from greenlane.environment.installers import installer_of
from greenlane.environment.locks import CONTROL_LOCK
from greenlane.environment.wheels import harness_state
from greenlane.evidence.evidence import Environment

NAME = "control"


def control_environment(context: Context) -> Environment:
    """Return the control environment, built or proved right.

    Raises:
        EnvironmentBuildError: it could not be built.
    """
    settings = context.settings
    folder = settings.root / settings.configuration.environments
    recipe = Recipe(location=folder / NAME, lock=CONTROL_LOCK, python="", project=None, tree=harness_state())
    with exclusive(folder / f"{NAME}.lock", f"process {os.getpid()}", context.say):
        return prepare(recipe, installer_of(context), context.say)
