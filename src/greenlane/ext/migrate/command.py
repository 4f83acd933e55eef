"""`greenlane migrate readiness.yml`: lanes from a legacy list of named shell checks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from greenlane.cli.context import print_line
from greenlane.config.context import Context
from greenlane.environment.yaml_lines import read_nodes
from greenlane.errors import EXIT_CONFIG, EXIT_NOT_READY, EXIT_READY
from greenlane.ext.migrate.report import lines, sessions, tables
from greenlane.ext.migrate.rules import Project, translate
from greenlane.ext.migrate.write import admitted, bare_settings, existing, merged, text_of, write

HELP = "Turn a legacy list of named shell checks into lanes; without --write nothing is changed."
EXAMPLES = "  greenlane migrate readiness.yml\n  greenlane migrate readiness.yml --write"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", help="the list; docs/migrate.md has its schema")
    parser.add_argument("--write", action="store_true", help="add the tables to pyproject.toml (default: print them)")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Translate, tell what was noticed, and print or write; 1 when something is left for the user to translate."""
    root = Path(arguments.project)
    file = Path(arguments.file)
    project = Project(root=root.resolve(), configuration=existing(root), makefile=_makefile(root))
    migration = translate(read_nodes(file, Context(bare_settings(root), environ, print_line)), project)
    migration = admitted(root, migration, file.name)
    for line in lines(migration, file.name):
        print(line, file=sys.stderr, flush=True)
    if migration.lanes:
        text = merged(root, tables(migration), file.name)
        if not text.startswith(text_of(root).rstrip()):
            advice = "become tables of their own, their old form stays as a comment"
            print(f"NOTE: inline tables of {root / 'pyproject.toml'} {advice}", file=sys.stderr, flush=True)
        if arguments.write:
            write(root, text)
        print_line(f"# {'written' if arguments.write else 'to be added'} to {root / 'pyproject.toml'}:")
        print_line(tables(migration))
    if migration.sessions:
        print_line(f"# for noxfile.py, which is yours:\n{sessions(migration)}")
    if migration.left and not migration.lanes and not migration.sessions:
        return EXIT_CONFIG
    print_line(
        "# next: `nox -s lock`, then `greenlane doctor`" if arguments.write else "# next: --write adds the tables"
    )
    return EXIT_NOT_READY if migration.left else EXIT_READY


def _makefile(root: Path) -> str:
    """Return the text of the project's makefile; empty where there is none."""
    files = [root / name for name in ("GNUmakefile", "makefile", "Makefile")]
    found = next((file for file in files if file.is_file()), None)
    return found.read_text(encoding="utf-8", errors="replace") if found else ""
