"""`greenlane verdict [DIR…]`: merge what lanes and shards left here or elsewhere into one verdict."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from greenlane.cli.lane import print_line
from greenlane.control.collect import RECORD, collect
from greenlane.control.ready import make_demand, open_gates, wish_of_policy
from greenlane.errors import ConfigError
from greenlane.report.terminal import show
from greenlane.report.write import remove_reports, write_reports
from greenlane.rules.green import judge
from greenlane.settings import load

HELP = "Merge lane and shard artifacts into one verdict, without running anything."
EXAMPLES = "  greenlane verdict\n  greenlane verdict downloads/* --policy deploy"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folders", nargs="*", metavar="DIR", help="searched for lane.json (default: the artifacts)")
    parser.add_argument("--policy", default="dev", help="name of the policy (default: dev)")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Collect, judge, report; 0 when ready."""
    settings = load(Path(arguments.project), environ)
    wish = wish_of_policy(settings, arguments.policy)
    folders = [Path(name) for name in arguments.folders] or [settings.root / settings.configuration.artifacts]
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing:
        raise ConfigError(f"no such folder: {', '.join(missing)}", "name the folders that hold lane.json")
    remove_reports(settings.root, settings.configuration)
    # A folder may be named twice, or with one that it lies in.
    records = dict.fromkeys(path.resolve() for folder in folders for path in sorted(folder.rglob(RECORD)))
    evidence = [collect(path.parent) for path in records]
    demand = make_demand(settings, wish, open_gates(settings, environ), run_id="")
    decision = judge(demand, evidence)
    decision = msgspec.structs.replace(decision, made_at=time.time(), project=settings.project)
    written = write_reports(decision, settings.root, settings.configuration)
    print_line("reports: " + ", ".join(str(path.relative_to(settings.root)) for path in written))
    show(decision, environ)
    return decision.exit_code
