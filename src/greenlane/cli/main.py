"""Finds the command, and turns expected failures into lines and exit codes."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from greenlane.cli import (
    changes,
    completion,
    doctor,
    flakes,
    history,
    init,
    lane,
    lock,
    matrix,
    migrate,
    plan,
    polluter,
    ready,
    verdict,
)
from greenlane.cli.parser import Parser
from greenlane.control.launch import stop_signals
from greenlane.control.processes import end_survivors
from greenlane.errors import EXIT_CONFIG, EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_NOT_READY, GreenlaneError
from greenlane.version import VERSION


class Command(Protocol):
    """A module of this folder."""

    HELP: str
    EXAMPLES: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's options."""

    def run(self, arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
        """Do it and return the exit code."""


COMMANDS: dict[str, Command] = {
    "lane": lane,
    "ready": ready,
    "verdict": verdict,
    "lock": lock,
    "matrix": matrix,
    "plan": plan,
    "polluter": polluter,
    "changes": changes,
    "doctor": doctor,
    "init": init,
    "migrate": migrate,
    "history": history,
    "flakes": flakes,
    "completion": completion,
}
"""Every command, by name."""


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    top = Parser(
        prog="greenlane", description="Test lanes that cannot contaminate each other, and one truthful verdict.",
        epilog="Exit codes: 0 ready, 1 not ready, 2 configuration or usage, 3 internal error, 130 interrupted.",
    )  # fmt: skip
    top.add_argument("--version", action="version", version=f"greenlane {VERSION}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        sub = commands.add_parser(
            name, help=command.HELP, description=command.HELP, epilog=f"examples:\n{command.EXAMPLES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        sub.add_argument("--project", default=".", metavar="DIR", help="folder of pyproject.toml (default: here)")
        command.add_arguments(sub)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; 2 for words that it does not know."""
    arguments = parser().parse_args(argv)
    return guarded(lambda: COMMANDS[arguments.command].run(arguments, os.environ))


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
