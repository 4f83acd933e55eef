"""Finds the command, and turns expected failures into lines and exit codes."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from greenlane.cli.parser import Parser
from greenlane.errors import EXIT_CONFIG, EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_NOT_READY, GreenlaneError
from greenlane.util.launch import stop_signals
from greenlane.util.processes import end_survivors
from greenlane.version import VERSION


class Command(Protocol):
    """A module of this folder."""

    HELP: str
    EXAMPLES: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's options."""

    def run(self, arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
        """Do it and return the exit code."""


COMMANDS = (
    "lane",
    "ready",
    "verdict",
    "leaks",
    "lock",
    "matrix",
    "plan",
    "polluter",
    "changes",
    "doctor",
    "init",
    "migrate",
    "history",
    "flakes",
    "completion",
)
"""Every command; each is the module of that name in this folder, imported when it is called or listed."""

EXTENSIONS = {"changes": "greenlane.ext.changes.command", "migrate": "greenlane.ext.migrate.command"}
"""The commands that are a room of their own, by their module."""


def command(name: str) -> Command:
    """Return a command by its name."""
    module: Any = importlib.import_module(EXTENSIONS.get(name, f"greenlane.cli.{name}"))
    return cast(Command, module)


def parser(names: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the command line's grammar.

    Args:
        names: the commands that it has; whoever calls one command needs no other.
    """
    top = Parser(
        prog="greenlane", description="Test lanes that cannot contaminate each other, and one truthful verdict.",
        epilog="Exit codes: 0 ready, 1 not ready, 2 configuration or usage, 3 internal error, 130 interrupted.",
    )  # fmt: skip
    top.add_argument("--version", action="version", version=f"greenlane {VERSION}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in names:
        known = command(name)
        sub = commands.add_parser(
            name, help=known.HELP, description=known.HELP, epilog=f"examples:\n{known.EXAMPLES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        sub.add_argument("--project", default=".", metavar="DIR", help="folder of pyproject.toml (default: here)")
        known.add_arguments(sub)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; 2 for words that it does not know."""
    words = sys.argv[1:] if argv is None else argv
    arguments = parser(words[:1] if words and words[0] in COMMANDS else COMMANDS).parse_args(words)
    return guarded(lambda: command(arguments.command).run(arguments, os.environ))


def guarded(use: Callable[[], int]) -> int:
    """Run a use case; an expected failure becomes its lines and code, a bug a log and code 3."""
    try:
        with stop_signals():
            return use()
    except GreenlaneError as error:
        print("\n".join(error.lines()), file=sys.stderr, flush=True)
        return error.exit_code
    except KeyboardInterrupt:
        end_survivors()
        print("INTERRUPTED: stopped before its end", file=sys.stderr, flush=True)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; nobody is left to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_NOT_READY
    except (PermissionError, FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        text = f"{error.filename}: {error.strerror}"
        print(f"CONFIG_ERROR: {text}\n  next: see who owns it, or remove it", file=sys.stderr, flush=True)
        return EXIT_CONFIG
    except Exception as error:  # noqa: BLE001  the last door: a bug must not look like a verdict
        log = Path(tempfile.gettempdir()) / f"greenlane-error-{os.getpid()}.log"
        log.write_text(traceback.format_exc(), encoding="utf-8")
        print(f"INTERNAL_ERROR: {type(error).__name__}: {error}; the log is {log}", file=sys.stderr, flush=True)
        return EXIT_INTERNAL
