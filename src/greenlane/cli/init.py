"""`greenlane init`: lanes for a repository that has none; the tests that it has are placed in them by evidence."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from greenlane.adopt.additions import Harness, additions
from greenlane.adopt.adoption import observe
from greenlane.adopt.found import write_found
from greenlane.adopt.order import order_lines
from greenlane.adopt.reading import read_suite, said_of
from greenlane.adopt.rules import CONFIGURATION, has_lanes
from greenlane.adopt.scaffold import NOX, read_repository, write_scaffold
from greenlane.adopt.summary import missing_modules, placement_lines
from greenlane.cli.context import print_line
from greenlane.cli.init_options import add_needs, add_seed, add_workers, asked_of
from greenlane.cli.init_output import show
from greenlane.config.context import Context
from greenlane.config.load import load
from greenlane.environment.locks import compile_locks
from greenlane.errors import EXIT_NOT_READY, EXIT_READY
from greenlane.report.lines import clean

HELP = "Add lanes to a repository: its suite is observed and placed in them. Nothing of it is overwritten."
EXAMPLES = """\
  greenlane init
  greenlane init --dry-run --diff
  greenlane init --yes --group test --requirements 'respx>=0.22'
  greenlane init --yes --nox "uvx nox -s\""""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="say what would be added; run and change nothing")
    how.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--diff", action="store_true", help="show what is added as a diff")
    add_needs(parser)
    add_workers(parser)
    add_seed(parser)
    parser.add_argument("--no-survey", action="store_true", help="do not run the suite: all of it becomes core")
    parser.add_argument("--no-lock", action="store_true", help="do not compile the locks, which needs an index")
    parser.add_argument(
        "--harness", default="", metavar="WHEEL|DIR|REQUIREMENT",
        help="where nox gets greenlane: a wheel or folder in the repository, or a requirement (default: the index)",
    )  # fmt: skip
    parser.add_argument("--nox", default=NOX, metavar="WORDS", help=f"how the workflow starts nox (default: {NOX})")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Read, observe, show what is missing, ask, add it; a second call finds nothing to do."""
    project = Path(arguments.project)
    repository = read_repository(project)
    configured = has_lanes(repository.files.get(CONFIGURATION, ""))
    suite = read_suite(project, asked_of(arguments), arguments.python)
    adopted = None
    if suite is not None and not configured:
        _print(said_of(suite, project))
        if not (arguments.dry_run or arguments.no_survey or arguments.no_lock) and _may_ask(arguments):
            adopted = observe(project, suite, environ, print_line, arguments.workers, arguments.seed)
            suite = adopted.adoption
            _print(missing_modules(adopted.survey))
            _print(placement_lines(adopted.placed))
            _print(order_lines(adopted.disturbed, adopted.polluters))
    harness = Harness(words=arguments.harness, asks_index=not arguments.no_lock, nox=arguments.nox)
    made = additions(project, repository, suite, environ, harness, print_line)
    show(made, environ, diff=arguments.diff)
    if made.additions and not _wanted(arguments):
        return EXIT_READY if arguments.dry_run else EXIT_NOT_READY
    write_scaffold(project, made)
    if adopted is not None:
        write_found(project, adopted, print_line)
    if not arguments.no_lock:
        compile_locks(Context(load(project, environ), environ, print_line), check=False, upgrade=False)
    print_line("next: nox -s ready" if made.additions else "nothing to add")
    return EXIT_READY


def _may_ask(arguments: argparse.Namespace) -> bool:
    """Return whether what is found can be added in the end."""
    return bool(arguments.yes) or sys.stdin.isatty()


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print_line(clean(line))


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
