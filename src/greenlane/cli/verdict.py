"""`greenlane verdict [DIR…]`: merge what lanes and shards left here or elsewhere into one verdict."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from greenlane.cli.context import context_of
from greenlane.cli.old_verdict import no_old_verdict
from greenlane.cli.verdict_output import decide_and_tell
from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.progress import ProgressListener
from greenlane.evidence.reader import collect_all
from greenlane.evidence.verdict import Verdict
from greenlane.history.recall import with_history
from greenlane.judge.judge import judge
from greenlane.run.gates import open_gates, recorded_gates
from greenlane.run.request import request_of_policy
from greenlane.run.requirements import added_examiners, make_requirements

HELP = "Merge lane and shard artifacts into one verdict, without running anything."
EXAMPLES = "  greenlane verdict\n  greenlane verdict downloads/* --policy deploy"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folders", nargs="*", metavar="DIR", help="searched for lane.json (default: the artifacts)")
    parser.add_argument("--policy", default="dev", help="name of the policy (default: dev)")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Collect, judge, report; 0 when ready."""
    with no_old_verdict(Path(arguments.project)):
        context = context_of(arguments, environ)
        settings = context.settings
        request = request_of_policy(settings, arguments.policy)
        folders = [Path(name) for name in arguments.folders] or [settings.root / settings.configuration.artifacts]
        evidence = collect_all(folders)

    def use(_listener: ProgressListener) -> tuple[Verdict, list[LaneEvidence]]:
        gates = recorded_gates(open_gates(context), evidence)
        requirements = make_requirements(settings, request, gates, run_id="")
        decision = judge(with_history(requirements, context), evidence, more=added_examiners())
        return msgspec.structs.replace(decision, made_at=time.time(), project=settings.project), evidence

    return decide_and_tell(context, use)
