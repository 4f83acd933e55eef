"""`greenlane doctor`: what would happen and why, without running anything."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from greenlane.cli.context import context_of
from greenlane.doctor.diagnosis import exit_code
from greenlane.doctor.examine import examine
from greenlane.doctor.probes import PATIENCE
from greenlane.doctor.report import as_json, show
from greenlane.run.assembly import secret_values

HELP = "Show what a run would find: policy, lanes, locks, isolation, base, router, gates, services; and the next steps."
EXAMPLES = "  greenlane doctor\n  greenlane doctor --policy deploy\n  greenlane doctor --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--policy", default="dev", help="the policy to ask about (default: dev)")
    parser.add_argument(
        "--patience", type=float, default=PATIENCE, metavar="SECONDS",
        help="until the machine and the network must have answered (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON for a script")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Look and tell; 0 when nothing stands in the way, 2 when a setting does, 1 for anything else."""
    context = context_of(arguments, environ)
    diagnosis = examine(context.settings, arguments.policy, environ, arguments.patience)
    secrets = secret_values(context).values()
    if arguments.json:
        print(as_json(diagnosis, secrets), flush=True)
    else:
        show(diagnosis, secrets, colour=sys.stdout.isatty() and "NO_COLOR" not in environ)
    return exit_code(diagnosis)
