"""`greenlane ready`: the main job."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from greenlane.cli.context import context_of
from greenlane.cli.old_verdict import no_old_verdict
from greenlane.cli.verdict_output import decide_and_tell
from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.progress import ProgressListener
from greenlane.evidence.verdict import Verdict
from greenlane.run.coverage import combine_coverage
from greenlane.run.planning import named_plan
from greenlane.run.ready import decide
from greenlane.run.request import request_of_policy

HELP = "Run the lanes that a policy needs, decide, write the reports."
EXAMPLES = "  greenlane ready\n  greenlane ready --policy deploy\n  greenlane ready --fresh"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--policy", default="dev", help="name of the policy (default: dev)")
    parser.add_argument("--plan", default="", metavar="FILE", help="cut shards by this plan (default: GREENLANE_PLAN)")
    parser.add_argument("--fresh", action="store_true", help="run every lane, though evidence of it may still be true")
    parser.add_argument("--seed", type=int, help="seed of a random order (default: drawn and recorded)")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run, judge, report; 0 when ready."""
    with no_old_verdict(Path(arguments.project)):
        context = context_of(arguments, environ)
        plan = named_plan(arguments.plan, environ)
        request = request_of_policy(context.settings, arguments.policy, arguments.seed, plan, fresh=arguments.fresh)

    def use(listener: ProgressListener) -> tuple[Verdict, list[LaneEvidence]]:
        verdict, evidence = decide(context, request, listener)
        combine_coverage(context, evidence)
        return verdict, evidence

    return decide_and_tell(context, use)
