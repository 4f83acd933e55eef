"""`greenlane plan [LANE…]`: cut sharded lanes by recorded durations, once for a run on many machines."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from greenlane.cli.context import print_answer
from greenlane.config.load import Settings, load
from greenlane.errors import ConfigError
from greenlane.run.planning import make_plans, write_plan
from greenlane.sharding.plan import PlanFile, PlanSource
from greenlane.sharding.plans import plan_digest

HELP = "Cut sharded lanes by recorded durations, as one plan that every machine of a run carries."
EXAMPLES = "  greenlane plan\n  greenlane plan nd --out .artifacts/plan.json\n  greenlane plan --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("lanes", nargs="*", metavar="LANE", help="sharded lanes (default: all of them)")
    parser.add_argument("--out", default="", metavar="FILE", help="write the plan for `--plan FILE` or GREENLANE_PLAN")
    parser.add_argument("--json", action="store_true", help="print the plan itself")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Make the plan, write it when asked to, show it."""
    settings = load(Path(arguments.project), environ)
    names = arguments.lanes or [name for name, lane in settings.configuration.lanes.items() if lane.shards]
    plans = make_plans(settings, [settings.lane(name) for name in _sharded(settings, names)])
    if arguments.out:
        write_plan(Path(arguments.out), plans)
    written = [f"written to {arguments.out}: run shards with --plan {arguments.out}"] if arguments.out else []
    return print_answer(arguments, plans, [*_shown(plans), *written])


def _sharded(settings: Settings, names: list[str]) -> list[str]:
    """Return lane names that can be planned.

    Raises:
        ConfigError: a lane has no shards, or there is none that has.
    """
    whole = [name for name in names if not settings.lane(name).shards]
    if whole or not names:
        what = f"lane {', '.join(whole)} is not sharded" if whole else "no lane is sharded"
        raise ConfigError(what, 'give a lane shards = ["shard_a", "shard_b"]')
    return names


def _shown(plans: PlanFile) -> Iterator[str]:
    """Yield the plan as lines: what each shard has to do, and how even that is."""
    for lane, plan in plans.lanes.items():
        if plan.source is PlanSource.HASH:
            yield f"{lane}: no recorded durations, so files go by the stable hash of their names"
            continue
        yield f"{lane}: longest first over recorded durations, plan {plan_digest(lane, plan)[:12]}"
        counts = Counter(plan.files.values())
        for shard in plan.shards:
            yield f"  {shard:<20} {counts[shard]:5} files {plan.seconds[shard]:9.1f} s"
