"""`greenlane init`: lanes for a repository that has none."""

from __future__ import annotations

import argparse
import difflib
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from greenlane.adopt.rules import CONFIGURATION, has_lanes, scaffold
from greenlane.adopt.scaffold import NOX, WORKFLOW, project_files, read_repository, workflow, write_scaffold
from greenlane.adopt.values import Addition, Scaffold
from greenlane.cli.context import print_line
from greenlane.config.context import Context
from greenlane.config.lanes import Lane, LaneKind, Provider
from greenlane.config.load import load
from greenlane.config.schema import Configuration
from greenlane.environment.locks import compile_locks, lowest_python
from greenlane.errors import EXIT_NOT_READY, EXIT_READY, ConfigError
from greenlane.report.lines import clean

HELP = "Add lanes to a repository: configuration, noxfile, smoke tests, workflow, locks. Nothing is overwritten."
EXAMPLES = """\
  greenlane init
  greenlane init --dry-run
  greenlane init --yes --nox "uvx nox -s\""""
COLORS = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="show the diff, change nothing")
    how.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--no-lock", action="store_true", help="do not compile the locks, which needs an index")
    parser.add_argument("--nox", default=NOX, metavar="WORDS", help=f"how the workflow starts nox (default: {NOX})")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Show what is missing, ask, add it, compile the locks; a second call finds nothing to do."""
    project = Path(arguments.project)
    repository = read_repository(project)
    configuration = _configuration(project, repository.files, environ)
    templates = project_files(repository)
    templates[WORKFLOW] = workflow(configuration, arguments.nox, lowest_python(project))
    try:
        made = scaffold(repository, templates, WORKFLOW)
    except tomllib.TOMLDecodeError as error:
        step = "write its `tool` as [tool.…] tables; nothing was changed"
        raise ConfigError(f"{CONFIGURATION} would be no TOML with lanes at its end: {error}", step) from error
    _show(made, environ)
    if made.additions and not _wanted(arguments):
        return EXIT_READY if arguments.dry_run else EXIT_NOT_READY
    write_scaffold(project, made)
    if not arguments.no_lock:
        compile_locks(Context(load(project, environ), environ, print_line), check=False, upgrade=False)
    print_line("next: nox -s ready" if made.additions else "nothing to add")
    return EXIT_READY


def _configuration(project: Path, files: Mapping[str, str], environ: Mapping[str, str]) -> Configuration:
    """Return the configuration that the workflow is made for: the project's own, or the one that is added."""
    if has_lanes(files.get(CONFIGURATION, "")):
        return load(project, environ).configuration
    return Configuration(
        lanes={"release": Lane(kind=LaneKind.RELEASE, tests=(), providers=("openai",))},
        providers={"openai": Provider(secrets=("OPENAI_API_KEY",))},
    )


def _wanted(arguments: argparse.Namespace) -> bool:
    """Return whether the user wants the additions; nobody to ask means no."""
    if arguments.yes or arguments.dry_run:
        return bool(arguments.yes)
    if not sys.stdin.isatty():
        print_line("nothing was changed: nobody is here to ask; --yes adds it")
        return False
    try:
        return input("Add this? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _show(made: Scaffold, environ: Mapping[str, str]) -> None:
    """Print what is kept and what is added, as a diff."""
    colored = sys.stdout.isatty() and not environ.get("NO_COLOR")
    for path, reason in made.kept.items():
        print_line(f"kept: {path}, {reason}")
    for note in made.notes:
        print_line(f"NOTE: {note}")
    for addition in made.additions:
        for line in _diff(addition):
            color = COLORS.get(line[:1], "") if colored else ""
            print_line(f"{color}{clean(line)}\x1b[0m" if color else clean(line))


def _diff(addition: Addition) -> list[str]:
    """Return an addition as a unified diff."""
    old = "/dev/null" if addition.before is None else f"a/{addition.path}"
    before, after = (addition.before or "").splitlines(), addition.after.splitlines()
    return list(difflib.unified_diff(before, after, old, f"b/{addition.path}", lineterm=""))
