"""`greenlane init`: lanes for a repository that has none; the tests that it has are placed in them by evidence."""

from __future__ import annotations

import argparse
import difflib
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from greenlane.adopt.adoption import Adopted, observe
from greenlane.adopt.harness import USUAL, harness_requirement, index_has_harness, is_elsewhere, with_harness
from greenlane.adopt.lanes_text import Adoption
from greenlane.adopt.order import order_lines
from greenlane.adopt.reading import read_suite, said_of
from greenlane.adopt.rules import CONFIGURATION, NOXFILE, has_lanes, scaffold
from greenlane.adopt.scaffold import (
    NOX,
    WORKFLOW,
    project_files,
    read_repository,
    suite_files,
    workflow,
    write_scaffold,
)  # fmt: skip
from greenlane.adopt.summary import missing_modules, placement_lines
from greenlane.adopt.tox import Installed
from greenlane.adopt.values import Addition, Repository, Scaffold
from greenlane.cli.context import print_line
from greenlane.config.context import Context
from greenlane.config.lanes import Lane, LaneKind, Provider
from greenlane.config.load import load
from greenlane.config.schema import Configuration
from greenlane.environment.locks import compile_locks, lowest_python
from greenlane.errors import EXIT_NOT_READY, EXIT_READY, ConfigError
from greenlane.evidence.ledger import LEDGER_FILE
from greenlane.history.ledger import write_ledger
from greenlane.report.lines import clean
from greenlane.util.files import write_atomically
from greenlane.version import VERSION

HELP = "Add lanes to a repository: its suite is observed and placed in them. Nothing of it is overwritten."
EXAMPLES = """\
  greenlane init
  greenlane init --dry-run --diff
  greenlane init --yes --group test --requirements 'respx>=0.22'
  greenlane init --yes --nox "uvx nox -s\""""
COLORS = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="say what would be added; run and change nothing")
    how.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--diff", action="store_true", help="show what is added as a diff")
    add_needs(parser)
    parser.add_argument("--no-survey", action="store_true", help="do not run the suite: all of it becomes core")
    parser.add_argument("--no-lock", action="store_true", help="do not compile the locks, which needs an index")
    parser.add_argument(
        "--harness", default="", metavar="WHEEL|DIR|REQUIREMENT",
        help="where nox gets greenlane: a wheel or folder in the repository, or a requirement (default: the index)",
    )  # fmt: skip
    parser.add_argument("--nox", default=NOX, metavar="WORDS", help=f"how the workflow starts nox (default: {NOX})")


def add_needs(parser: argparse.ArgumentParser) -> None:
    """Declare the options that say what tests need."""
    for option, metavar, what in (
        ("--requirements", "FILE|REQUIREMENT", "file of requirements, or a requirement, that the tests need"),
        ("--group", "NAME", "dependency group that the tests need"),
        ("--extra", "NAME", "extra of the project that the tests need"),
    ):
        parser.add_argument(option, action="append", default=[], metavar=metavar, help=f"{what}; may be repeated")
    parser.add_argument("--python", default="", metavar="VERSION", help="Python of the lanes (default: that of nox)")


def asked_of(arguments: argparse.Namespace) -> Installed:
    """Return what the caller says that tests need."""
    return Installed(
        source="as you asked", extras=tuple(arguments.extra), groups=tuple(arguments.group),
        requirements=tuple(arguments.requirements),
    )  # fmt: skip


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
            adopted = observe(project, suite, environ, print_line)
            suite = adopted.adoption
            _print(missing_modules(adopted.survey))
            _print(placement_lines(adopted.placed))
            _print(order_lines(adopted.disturbed, adopted.polluters))
    made = _made(arguments, repository, suite, environ)
    _show(made, environ, diff=arguments.diff)
    if made.additions and not _wanted(arguments):
        return EXIT_READY if arguments.dry_run else EXIT_NOT_READY
    write_scaffold(project, made)
    _write(project, adopted)
    if not arguments.no_lock:
        compile_locks(Context(load(project, environ), environ, print_line), check=False, upgrade=False)
    print_line("next: nox -s ready" if made.additions else "nothing to add")
    return EXIT_READY


def _made(
    arguments: argparse.Namespace, repository: Repository, suite: Adoption | None, environ: Mapping[str, str]
) -> Scaffold:
    """Return what is missing.

    Raises:
        ConfigError: the project's `pyproject.toml` can have no tables at its end.
    """
    project = Path(arguments.project)
    configuration = _configuration(project, repository.files, suite, environ)
    templates = suite_files(suite) if suite else project_files(repository)
    templates[NOXFILE] = with_harness(templates[NOXFILE], _harness(arguments, environ))
    templates[WORKFLOW] = workflow(configuration, arguments.nox, lowest_python(project))
    try:
        return scaffold(repository, templates, WORKFLOW)
    except tomllib.TOMLDecodeError as error:
        step = "write its `tool` as [tool.…] tables; nothing was changed"
        raise ConfigError(f"{CONFIGURATION} would be no TOML with lanes at its end: {error}", step) from error


def _harness(arguments: argparse.Namespace, environ: Mapping[str, str]) -> str:
    """Return the requirement by which nox installs greenlane; empty where the index has none, which is told.

    Raises:
        ConfigError: what the caller names is not there.
    """
    project = Path(arguments.project)
    if arguments.harness:
        requirement = harness_requirement(project, arguments.harness)
        if is_elsewhere(requirement):
            print_line(f"NOTE: {requirement}: other machines do not have it; put it into the repository")
        return requirement
    if arguments.no_lock or index_has_harness(project, environ):
        return USUAL
    print_line(
        f"NOTE: the package index has no greenlane {VERSION}: nox finds it only where it is installed beside nox;"
        " --harness names a wheel or a folder that the repository brings"
    )
    return ""


def _configuration(
    project: Path, files: Mapping[str, str], suite: Adoption | None, environ: Mapping[str, str]
) -> Configuration:
    """Return the configuration that the workflow is made for: the project's own, or the one that is added."""
    if has_lanes(files.get(CONFIGURATION, "")):
        return load(project, environ).configuration
    if suite is not None:
        return Configuration()
    return Configuration(
        lanes={"release": Lane(kind=LaneKind.RELEASE, tests=(), providers=("openai",))},
        providers={"openai": Provider(secrets=("OPENAI_API_KEY",))},
    )


def _write(project: Path, adopted: Adopted | None) -> None:
    """Write what a survey found: the lock that its environment was built from, and what is excused from the start."""
    if adopted is None:
        return
    lock = project / "locks" / "core.txt"
    if not lock.exists():
        lock.parent.mkdir(exist_ok=True)
        write_atomically(lock, adopted.lock)
        print_line("written: locks/core.txt")
    ledger = adopted.ledger
    if (ledger.skips or ledger.moves) and not (project / LEDGER_FILE).exists():
        write_ledger(project, ledger)
        print_line(f"written: {LEDGER_FILE}, {len(ledger.skips)} skips and {len(ledger.moves)} moves")


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


def _show(made: Scaffold, environ: Mapping[str, str], *, diff: bool) -> None:
    """Print what is kept and what is added, in a line or as a diff."""
    colored = sys.stdout.isatty() and not environ.get("NO_COLOR")
    for path, reason in made.kept.items():
        print_line(f"kept: {path}, {reason}")
    for note in made.notes:
        print_line(f"NOTE: {note}")
    if made.additions and not diff:
        print_line(f"adds: {', '.join(_told(made.additions))} (--diff shows them)")
    for addition in made.additions if diff else ():
        for line in _diff(addition):
            color = COLORS.get(line[:1], "") if colored else ""
            print_line(f"{color}{clean(line)}\x1b[0m" if color else clean(line))


def _told(additions: Iterable[Addition]) -> Iterator[str]:
    """Yield each file with how much is added."""
    for addition in additions:
        lines = len(addition.after.splitlines()) - len((addition.before or "").splitlines())
        yield f"{addition.path} ({'new, ' if addition.before is None else '+'}{lines} lines)"


def _diff(addition: Addition) -> list[str]:
    """Return an addition as a unified diff."""
    old = "/dev/null" if addition.before is None else f"a/{addition.path}"
    before, after = (addition.before or "").splitlines(), addition.after.splitlines()
    return list(difflib.unified_diff(before, after, old, f"b/{addition.path}", lineterm=""))
