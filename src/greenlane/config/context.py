"""What every use case of one call works with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

import msgspec

from greenlane.config.load import Settings

Say = Callable[[str], None]
"""Prints a line to the user."""


def silent(_line: str) -> None:
    """Print nothing, where somebody else tells, or nobody has to."""


class Context(msgspec.Struct, frozen=True):
    """One call of greenlane.

    Attributes:
        settings: the effective configuration of the project.
        environ: environment variables of the caller, who may be a person, nox or a workflow.
    """

    settings: Settings
    environ: Mapping[str, str]
    say: Say

    @property
    def color(self) -> bool:
        """Whether output goes to a terminal, and nobody asks for plain text."""
        return sys.stdout.isatty() and "NO_COLOR" not in self.environ
