"""`greenlane lane NAME [SHARD…]`: run one lane and judge it by itself."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from greenlane.cli.context import context_of
from greenlane.cli.old_verdict import no_old_verdict
from greenlane.cli.verdict_output import decide_and_tell
from greenlane.config.context import Context, silent
from greenlane.errors import ConfigError
from greenlane.report.write import remove_reports
from greenlane.run.again import last_time
from greenlane.run.planning import named_plan, named_queue
from greenlane.run.ready import decide
from greenlane.run.request import RunRequest, chosen_shards, request_of_lane

HELP = "Run one lane, or some of its shards, in its own environment."
EXAMPLES = (
    "  greenlane lane core\n  greenlane lane core --seed 7\n  greenlane lane nd shard_b\n"
    "  greenlane lane core --failed\n  greenlane lane core --watch\n  greenlane lane nd -k 'not shard_b'\n"
    "  greenlane lane nd shard_b --plan .artifacts/plan.json\n"
    '  greenlane lane nd shard_b --queue "$GITHUB_RUN_ID"\n'
    "  greenlane lane nd shard_b --only 'tests/nd/test_a.py::test_b[sample3]' --seed 7"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("lane", help="name of the lane")
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what is left to say when the lane is known."""
    parser.add_argument("shards", nargs="*", metavar="SHARD", help="only these shards (default: all)")
    parser.add_argument(
        "-k", dest="keyword", default="", metavar="EXPR",
        help="run the shards that an expression of their names means; any other one is pytest's, and never green",
    )  # fmt: skip
    parser.add_argument("--plan", default="", metavar="FILE", help="cut shards by this plan (default: GREENLANE_PLAN)")
    parser.add_argument(
        "--queue", default="", metavar="NAME",
        help="pull files from the run's queue in the history database, beside other shards (default: GREENLANE_QUEUE)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, help="seed of random order and samples (default: drawn and recorded)")
    parser.add_argument(
        "--only", action="append", default=[], metavar="TEST",
        help="run this test alone, by its node id; never green, because it is not the whole lane",
    )  # fmt: skip
    parser.add_argument(
        "--reuse", action="store_true",
        help="take evidence of an earlier run while nothing that the lane can see has changed (as `ready` does)",
    )  # fmt: skip
    parser.add_argument(
        "--failed", action="store_true",
        help="run only what failed or never ended last time; never green, because it is not the whole lane",
    )  # fmt: skip
    parser.add_argument(
        "--watch", action="store_true",
        help="run again what each change concerns, until Ctrl-C; an aid, which decides nothing",
    )  # fmt: skip


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the lane; 0 when it is green."""
    if arguments.watch:
        return _watched(arguments, environ)
    with no_old_verdict(Path(arguments.project), arguments.lane):
        context, request = _asked(arguments, environ)
    return decide_and_tell(context, partial(decide, context, request), request.lane)


def _asked(arguments: argparse.Namespace, environ: Mapping[str, str]) -> tuple[Context, RunRequest]:
    """Return what is run, and the context that it is run in.

    Raises:
        ConfigError: the words contradict each other or the project's configuration.
    """
    context = context_of(arguments, environ)
    settings = context.settings
    if arguments.failed and arguments.only:
        raise ConfigError("--failed and --only: each says what is run", "give one of them")
    if arguments.plan and arguments.queue:
        raise ConfigError("a plan and a queue: each cuts the lane in its own way", "give one of --plan and --queue")
    plan = named_plan(arguments.plan, environ)
    shards, given = chosen_shards(settings.lane(arguments.lane), arguments.shards, arguments.keyword, environ)
    only = _failed(context, arguments.lane, shards) if arguments.failed else arguments.only
    request = request_of_lane(settings, arguments.lane, shards, arguments.seed, plan, only)
    # An option is stronger than either variable.
    request = msgspec.structs.replace(
        request, reuse=arguments.reuse, queue="" if arguments.plan else named_queue(arguments.queue, environ)
    )
    return msgspec.structs.replace(context, environ=given), request


def _watched(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run what each change concerns until Ctrl-C.

    Raises:
        ConfigError: other words say what is run, too.
    """
    with no_old_verdict(Path(arguments.project), arguments.lane):
        if arguments.failed or arguments.only or arguments.reuse or arguments.queue or arguments.plan:
            left_out = "leave out --failed, --only, --reuse, --queue and --plan"
            raise ConfigError("--watch chooses what is run by what changes", left_out)
        settings = context_of(arguments, environ).settings
        lane = settings.lane(arguments.lane)
        shards, given = chosen_shards(lane, arguments.shards, arguments.keyword, environ)
    # What is run from now on takes the place of the evidence that its verdict was about.
    remove_reports(settings.root, settings.configuration, lane.name)
    from greenlane.cli.watch import watch

    # Of each round there is one block, and nothing on the way.
    now = partial(context_of, arguments, given, say=silent)
    return watch(now, lane.name, shards, arguments.seed)


def _failed(context: Context, name: str, shards: Sequence[str]) -> tuple[str, ...]:
    """Return what is run again, and say what that will not show.

    Raises:
        ConfigError: there is nothing to run again, or no shard to run it in.
    """
    lane = context.settings.lane(name)
    if lane.shards and len(shards) != 1:
        raise ConfigError(f"--failed needs the one shard of {lane.name} to run in; known: {', '.join(lane.shards)}")
    found = last_time(context.settings, lane, *shards)
    context.say(found.line(lane.name))
    return found.tests
