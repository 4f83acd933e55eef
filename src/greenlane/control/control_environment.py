"""The environment of control itself: what decides and reports, from a lock that the harness carries."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from greenlane.control.environment.build import Environment, Recipe, prepare
from greenlane.control.environment.exclusive import exclusive
from greenlane.control.environment.installers import find_installer
from greenlane.control.environment.locks import CONTROL_LOCK
from greenlane.control.environment.wheels import harness_state
from greenlane.settings import Settings

NAME = "control"


def control_environment(settings: Settings, environ: Mapping[str, str], say: Callable[[str], None]) -> Environment:
    """Return the control environment, built or proved right.

    Raises:
        EnvironmentBuildError: it could not be built.
    """
    folder = settings.root / settings.configuration.environments
    recipe = Recipe(location=folder / NAME, lock=CONTROL_LOCK, python="", project=None, tree=harness_state())
    with exclusive(folder / f"{NAME}.lock", f"process {os.getpid()}", say):
        return prepare(recipe, find_installer(folder, environ), say)
