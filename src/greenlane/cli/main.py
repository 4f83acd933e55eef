"""Finds the command, and turns expected failures into lines and exit codes."""

from __future__ import annotations

import argparse
import ast
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module, util
from pathlib import Path
from typing import Any, Protocol, cast

from greenlane.cli.added import AddedCommand
from greenlane.cli.parser import Parser
from greenlane.errors import (
    EXIT_CONFIG,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_NOT_READY,
    ExtensionError,
    GreenlaneError,
)
from greenlane.util.extensions import COMMANDS as EXTENSIONS
from greenlane.util.extensions import Extension, extensions
from greenlane.util.launch import stop_signals
from greenlane.util.processes import end_survivors
from greenlane.version import VERSION


class Command(Protocol):
    """A module of this folder, or what an entry point of `greenlane.commands` names."""

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
    "ledger",
    "lock",
    "matrix",
    "plan",
    "polluter",
    "doctor",
    "init",
    "survey",
    "history",
    "flakes",
    "completion",
)
"""Every command of this folder; each is the module of that name, imported when it is called."""

DECIDING = ("ready", "verdict")
"""Commands whose reports are the verdict of the project."""

_HELP = re.compile(r'^HELP = (".*")$', re.MULTILINE)


def added_commands() -> dict[str, Extension]:
    """Return the commands that are extensions, by the name that they are called by here."""
    return {extension.name: extension for extension in extensions(EXTENSIONS, COMMANDS)}


def own_commands() -> tuple[str, ...]:
    """Return every command that comes with the harness, those that are extensions last."""
    return (*COMMANDS, *(name for name, extension in added_commands().items() if extension.own))


def command(name: str) -> Command:
    """Return a command by its name.

    Raises:
        ExtensionError: it is an extension and cannot be used.
    """
    if name not in COMMANDS:
        return AddedCommand(added_commands()[name])
    module: Any = import_module(f"greenlane.cli.{name}")
    return cast(Command, module)


def _top() -> tuple[argparse.ArgumentParser, Any]:
    """Return the grammar without any command, and where commands are added."""
    top = Parser(
        prog="greenlane", description="Test lanes that cannot contaminate each other, and one truthful verdict.",
        epilog="Exit codes: 0 ready, 1 not ready, 2 configuration or usage, 3 internal error, 130 interrupted.",
    )  # fmt: skip
    top.add_argument("--version", action="version", version=f"greenlane {VERSION}")
    return top, top.add_subparsers(dest="command", required=True, metavar="COMMAND")


def overview() -> argparse.ArgumentParser:
    """Return the grammar of the first word: commands with a line each, of which none of ours is imported."""
    top, commands = _top()
    added = added_commands()
    for name in (*COMMANDS, *added):
        if name in COMMANDS or added[name].own:
            line = stated(f"greenlane.cli.{name}" if name in COMMANDS else added[name].value)
        else:
            try:
                line = command(name).HELP
            except ExtensionError as error:
                line = f"cannot be used: {error.message}"
        commands.add_parser(name, help=line.replace("%", "%%"))
    return top


def stated(module: str) -> str:
    """Return the HELP of a module by its text: to import them all would take most of the time of `--help`."""
    spec = util.find_spec(module)
    match = _HELP.search(Path(spec.origin).read_text(encoding="utf-8")) if spec and spec.origin else None
    return str(ast.literal_eval(match[1])) if match else str(import_module(module).HELP)


def parser(names: Iterable[str] = ()) -> argparse.ArgumentParser:
    """Return the command line's grammar.

    Args:
        names: the commands that it has, none for every one; whoever calls one command needs no other.

    Raises:
        ExtensionError: the one command that is asked for cannot be used; among others it is listed with the reason.
    """
    chosen = tuple(names)
    top, commands = _top()
    for name in chosen or (*COMMANDS, *added_commands()):
        try:
            known = command(name)
        except ExtensionError as error:
            if chosen:
                raise
            commands.add_parser(name, help=f"cannot be used: {error.message}".replace("%", "%%"))
            continue
        sub = commands.add_parser(
            name, help=known.HELP.replace("%", "%%"), description=known.HELP, epilog=f"examples:\n{known.EXAMPLES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        sub.add_argument("--project", default=".", metavar="DIR", help="folder of pyproject.toml (default: here)")
        known.add_arguments(sub)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; 2 for words that it does not know."""
    words = sys.argv[1:] if argv is None else argv

    def use() -> int:
        alone = words and (words[0] in COMMANDS or words[0] in added_commands())
        if not alone:
            overview().parse_args(words)
        with _no_old_verdict(words):
            arguments = parser(words[:1] if alone else ()).parse_args(words)
        return command(arguments.command).run(arguments, os.environ)

    return guarded(use)


def _no_old_verdict(words: Sequence[str]) -> AbstractContextManager[None]:
    """Return what removes old reports when the words of a command that decides cannot be understood."""
    if not words or words[0] not in (*DECIDING, "lane"):
        return nullcontext()
    from greenlane.cli.old_verdict import no_old_verdict

    # Words that no grammar takes are read as far as they can be.
    bare = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    bare.add_argument("--project", nargs="?", default=".")
    known, rest = bare.parse_known_args(words[1:])
    lane = next((word for word in rest if not word.startswith("-")), "") if words[0] == "lane" else ""
    return no_old_verdict(Path(known.project or "."), lane)


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
