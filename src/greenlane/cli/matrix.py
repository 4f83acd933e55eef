"""`greenlane matrix`: the jobs that a policy needs, as JSON."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import msgspec

from greenlane.cli.lane import print_line
from greenlane.control.environment.locks import lowest_python
from greenlane.control.ready import wish_of_policy
from greenlane.errors import EXIT_READY, ConfigError
from greenlane.model.lane import LaneKind
from greenlane.rules.matrix import matrix
from greenlane.settings import load

HELP = "Print the job matrix of a policy as JSON: lanes, shards, interpreters."
EXAMPLES = """\
  greenlane matrix
  greenlane matrix --policy deploy --kind nondeterministic
  greenlane matrix --github lanes >> "$GITHUB_OUTPUT\""""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--policy", default="matrix", help="name of the policy (default: matrix)")
    parser.add_argument(
        "--kind", action="append", choices=[kind.value for kind in LaneKind], help="only lanes of this kind; repeatable"
    )
    parser.add_argument("--allow-empty", action="store_true", help="an empty matrix is an answer, not an error")
    parser.add_argument(
        "--github", metavar="NAME", help="print `NAME=<json>` and `NAME_any=true|false`, as $GITHUB_OUTPUT wants"
    )


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the matrix; an empty one, which would fail a whole workflow, is refused unless it was asked for."""
    settings = load(Path(arguments.project), environ)
    wish = wish_of_policy(settings, arguments.policy)
    kinds = [LaneKind(word) for word in arguments.kind or LaneKind]
    made = matrix([settings.lane(name) for name in wish.lanes], lowest_python(settings.root), kinds)
    if not made.include and not arguments.allow_empty:
        lanes = ", ".join(f"{name} ({settings.lane(name).kind.value})" for name in wish.lanes)
        raise ConfigError(
            f"policy {arguments.policy} needs no lane of kind {', '.join(kinds)}; it has {lanes}",
            "choose another kind, or --allow-empty and a job that is guarded by NAME_any",
        )
    text = msgspec.json.encode(made).decode()
    print_line(f"{arguments.github}={text}\n{arguments.github}_any={str(bool(made.include)).lower()}"
               if arguments.github else text)  # fmt: skip
    return EXIT_READY
