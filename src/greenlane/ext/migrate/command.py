"""`greenlane migrate readiness.yml`: lanes from a legacy list of named shell checks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from greenlane.cli.context import print_line
from greenlane.config.context import Context
from greenlane.environment.yaml_file import read_yaml
from greenlane.errors import EXIT_CONFIG, EXIT_READY
from greenlane.ext.migrate.report import lines, sessions, tables
from greenlane.ext.migrate.rules import translate
from greenlane.ext.migrate.write import bare_settings, merged, write

HELP = "Turn a legacy list of named shell checks into lanes; without --write nothing is changed."
EXAMPLES = "  greenlane migrate readiness.yml\n  greenlane migrate readiness.yml --write"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", help="the list; docs/migrate.md has its schema")
    parser.add_argument("--write", action="store_true", help="add the tables to pyproject.toml (default: print them)")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Translate, tell what was noticed, and print or write; 2 when somebody must decide something first."""
    project = Path(arguments.project)
    file = Path(arguments.file)
    migration = translate(read_yaml(file, Context(bare_settings(project), environ, print_line)))
    for line in lines(migration):
        print(line, file=sys.stderr, flush=True)
    if migration.refused:
        print("  next: correct the list; nothing was written", file=sys.stderr, flush=True)
        return EXIT_CONFIG
    if migration.lanes:
        text = merged(project, tables(migration), file.name)
        if arguments.write:
            write(project, text)
        print_line(f"# {'written' if arguments.write else 'to be added'} to {project / 'pyproject.toml'}:")
        print_line(tables(migration))
    if migration.commands:
        print_line(f"# for noxfile.py, which is yours:\n{sessions(migration)}")
    print_line(
        "# next: `nox -s lock`, then `greenlane doctor`" if arguments.write else "# next: --write adds the tables"
    )
    return EXIT_READY
