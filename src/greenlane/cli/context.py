"""What a command begins with: the project that its arguments name, the caller's variables, and where lines go."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from greenlane.config.context import Context, Say
from greenlane.config.load import load


def print_line(text: str) -> None:
    """Print a line at once, so that it keeps its place among the lane's own output."""
    print(text, flush=True)


def context_of(arguments: argparse.Namespace, environ: Mapping[str, str], say: Say = print_line) -> Context:
    """Return the context of a command.

    Raises:
        ConfigError: the project has no usable configuration.
    """
    return Context(load(Path(arguments.project), environ), environ, say)
