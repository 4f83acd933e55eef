"""`greenlane lock`: compile the lane locks."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping

from greenlane.cli.context import context_of, print_line
from greenlane.environment.locks import compile_locks
from greenlane.errors import EXIT_NOT_READY, EXIT_READY

HELP = "Compile the lane locks: hashed, without addresses."
EXAMPLES = "  greenlane lock\n  greenlane lock --check\n  greenlane lock --upgrade"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a lock is stale")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that are allowed")


def run(arguments: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> int:
    """Compile; with `--check`, 1 when a lock is stale."""
    changed = compile_locks(context_of(arguments, environ), check=arguments.check, upgrade=arguments.upgrade)
    if not changed:
        print_line("every lock is up to date")
    return EXIT_NOT_READY if changed and arguments.check else EXIT_READY
