"""`greenlane doctor`: what would happen and why, without running anything."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from greenlane.cli.context import context_of, print_line
from greenlane.doctor.examine import examine
from greenlane.doctor.probes import PATIENCE
from greenlane.doctor.report import as_json, as_text, redacted, styled
from greenlane.report.terminal import print_styled
from greenlane.run.assembly import secret_values

HELP = "Say whether a policy would be able to run, what stands in its way, and the next steps; nothing is run."
EXAMPLES = "  greenlane doctor\n  greenlane doctor --policy deploy --all\n  greenlane doctor --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--policy", default="dev", help="the policy to ask about (default: dev)")
    parser.add_argument(
        "--patience", type=float, default=PATIENCE, metavar="SECONDS",
        help="until the machine and the network must have answered (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--all", action="store_true", help="show everything that was looked at, not one line of each")
    parser.add_argument("--json", action="store_true", help="print everything as JSON, for a script")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Look and tell; 0 when nothing stands in the way, 2 when a setting does, 1 for anything else."""
    context = context_of(arguments, environ)
    diagnosis = examine(context, arguments.policy, arguments.patience)
    text = as_json(diagnosis) if arguments.json else as_text(diagnosis, everything=arguments.all)
    text = redacted(text, secret_values(context))
    if arguments.json:
        print_line(text)
    else:
        print_styled(styled(text), environ)
    return diagnosis.exit_code
