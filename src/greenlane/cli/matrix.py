"""`greenlane matrix`: the jobs that a policy needs, as JSON."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import msgspec

from greenlane.cli.context import print_line
from greenlane.config.lanes import LaneKind
from greenlane.config.load import Settings, load
from greenlane.environment.locks import lowest_python
from greenlane.errors import EXIT_READY, ConfigError
from greenlane.judge.requirements import needed_lanes
from greenlane.run.planning import make_plans, write_plan
from greenlane.run.request import request_of_policy
from greenlane.sharding.matrix import Matrix, matrix

HELP = "Print the job matrix of a policy as JSON: lanes, shards, interpreters."
EXAMPLES = """\
  greenlane matrix
  greenlane matrix --policy deploy --kind nondeterministic
  greenlane matrix --github --plan plan.json --real --live"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--policy", default="matrix", help="name of the policy (default: matrix)")
    parser.add_argument(
        "--kind", action="append", choices=[kind.value for kind in LaneKind], help="only lanes of this kind; repeatable"
    )
    parser.add_argument(
        "--github", action="store_true",
        help="write `lanes`, `real` and `live`, each a matrix, and whether it has jobs, to $GITHUB_OUTPUT",
    )  # fmt: skip
    parser.add_argument(
        "--plan", metavar="FILE", help="also write the one shard plan that every job of the run carries"
    )
    parser.add_argument(
        "--lane", action="append", default=[], metavar="NAME", help="this lane, too, whatever the policy; repeatable"
    )
    parser.add_argument("--real", action="store_true", help="with --github: nondeterministic lanes go to `real`")
    parser.add_argument("--live", action="store_true", help="with --github: release lanes go to `live`")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print; an empty matrix, which would fail a whole workflow, is never printed by accident."""
    settings = load(Path(arguments.project), environ)
    if arguments.plan:
        sharded = [lane for lane in settings.configuration.lanes.values() if lane.shards]
        write_plan(Path(arguments.plan), make_plans(settings, sharded))
    if arguments.github:
        _github(settings, arguments, environ)
        return EXIT_READY
    kinds = [LaneKind(word) for word in arguments.kind or LaneKind]
    made = _jobs(settings, arguments, kinds)
    if not made.include:
        raise ConfigError(
            f"policy {arguments.policy} needs no lane of kind {', '.join(kinds)}",
            f"choose another policy or kind; policies: {', '.join(settings.configuration.policies)}",
        )
    print_line(msgspec.json.encode(made).decode())
    return EXIT_READY


def _jobs(settings: Settings, arguments: argparse.Namespace, kinds: list[LaneKind], live: bool = False) -> Matrix:
    """Return the jobs of policy and named lanes, and with `live` of the release lanes, whatever the policy says."""
    request = request_of_policy(settings, arguments.policy)
    more = [settings.lane(name).name for name in arguments.lane]
    names = needed_lanes(settings.configuration, [*request.lanes, *more], request.expected, live)
    return matrix([settings.lane(name) for name in names], lowest_python(settings.root), kinds)


def _github(settings: Settings, arguments: argparse.Namespace, environ: Mapping[str, str]) -> None:
    """Append the outputs of the job `plan`, and print them for its log."""
    fixed, local, live = LaneKind.DETERMINISTIC, LaneKind.NONDETERMINISTIC, LaneKind.RELEASE
    outputs = {
        "lanes": _jobs(settings, arguments, [fixed] if arguments.real else [fixed, local]),
        "real": _jobs(settings, arguments, [local] if arguments.real else []),
        "live": _jobs(settings, arguments, [live] if arguments.live else [], arguments.live),
    }
    lines = [
        line
        for name, made in outputs.items()
        for line in (f"{name}={msgspec.json.encode(made).decode()}", f"{name}_any={str(bool(made.include)).lower()}")
    ]
    if environ.get("GITHUB_OUTPUT"):
        with Path(environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
    print_line("\n".join(lines))
