"""What a command begins with, the project and the caller's variables, and how it answers: in lines, or in JSON."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from greenlane.config.context import Context, Say, silent
from greenlane.config.load import load
from greenlane.errors import EXIT_READY


def print_line(text: str) -> None:
    """Print a line at once, so that it keeps its place among the lane's own output."""
    print(text, flush=True)


def print_answer(arguments: argparse.Namespace, value: Any, lines: Iterable[str]) -> int:
    """Print a value as JSON where `--json` asks for it, otherwise lines for people; return `EXIT_READY`."""
    text = msgspec.json.format(msgspec.json.encode(value)).decode() if arguments.json else "\n".join(lines)
    print_line(text.removesuffix("\n"))
    return EXIT_READY


def context_of(arguments: argparse.Namespace, environ: Mapping[str, str], say: Say = print_line) -> Context:
    """Return the context of a command.

    Raises:
        ConfigError: the project has no usable configuration.
    """
    return Context(load(Path(arguments.project), environ), environ, say)


def say_of(arguments: argparse.Namespace) -> Say:
    """Return who prints lines on the way: nobody where the answer is JSON."""
    return silent if arguments.json else print_line
