"""How the processes that a test starts are measured along with the lane that runs the test."""

from __future__ import annotations

import os

from greenlane.environment.variables import MEASURED


def measured() -> dict[str, str]:
    """Return the variables by which coverage.py follows a child process; empty when nothing is measured."""
    return {name: os.environ[name] for name in MEASURED if name in os.environ}
