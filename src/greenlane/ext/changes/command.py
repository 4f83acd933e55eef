"""`greenlane changes`: does a change bring along what its surface asks for?"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from greenlane.cli.context import context_of, print_answer, print_line
from greenlane.config.context import Context
from greenlane.errors import EXIT_NOT_READY, EXIT_READY
from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.reader import collect_all, last_run
from greenlane.ext.changes.checklist import checklist_markdown, template
from greenlane.ext.changes.diff import read_changes
from greenlane.ext.changes.rules import checklist, touched_rules
from greenlane.judge.judge import judge
from greenlane.run.examiners import added_examiners
from greenlane.run.gates import open_gates
from greenlane.run.request import request_of_lane
from greenlane.run.requirements import make_requirements
from greenlane.util.files import write_atomically

HELP = "Check that a change brings along the docs, checks and runs that its surface asks for."
EXAMPLES = """\
  greenlane changes --base origin/main
  greenlane changes --base v1.2 --json
  greenlane changes --base main --out checklist.md evidence
  greenlane changes --template > .github/pull_request_template.md"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--base", metavar="REF", help="branch, tag or commit that the change starts from")
    what.add_argument("--template", action="store_true", help="print the pull request template that matches the rules")
    parser.add_argument("folders", nargs="*", metavar="DIR", help="where lanes left evidence (default: the artifacts)")
    parser.add_argument("--json", action="store_true", help="print the checklist as JSON")
    parser.add_argument(
        "--runs", metavar="FILE", help="write the lanes that must be run, one a line, and decide nothing"
    )
    parser.add_argument("--out", metavar="FILE", help="also write the checklist to a file, as Markdown")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Compare and print; 1 when something that the change asks for is missing."""
    context = context_of(arguments, environ)
    settings = context.settings
    rules = settings.configuration.changes
    if arguments.template:
        print_line(template(rules).removesuffix("\n"))
        return EXIT_READY
    with_lines = [pattern for rule in rules.values() if rule.lines for pattern in rule.surface]
    changes = read_changes(settings.root, arguments.base, with_lines)
    wanted = dict.fromkeys(lane for name in touched_rules(rules, changes) for lane in rules[name].runs)
    if arguments.runs:
        write_atomically(Path(arguments.runs), "".join(f"{lane}\n" for lane in wanted))
        print_line(f"must be run: {', '.join(wanted) or 'no lane'}")
        return EXIT_READY
    green = _green(context, wanted, arguments.folders)
    answer = checklist(rules, changes, green, arguments.base)
    if arguments.out:
        write_atomically(Path(arguments.out), checklist_markdown(answer))
    print_answer(arguments, answer, [checklist_markdown(answer)])
    return EXIT_READY if answer.done else EXIT_NOT_READY


def _green(context: Context, lanes: Iterable[str], folders: Iterable[str]) -> dict[str, str]:
    """Return by lane why it is not green by the strict rules; empty when it is."""
    wanted, roots = list(lanes), [Path(name) for name in folders]
    evidence = collect_all(roots) if roots else last_run(context.settings, needed=False) if wanted else []
    return {lane: _why_not(context, lane, evidence) for lane in wanted}


def _why_not(context: Context, lane: str, evidence: list[LaneEvidence]) -> str:
    """Return the first reason for which a lane is not green on this tree; empty when it is."""
    own = [item for item in evidence if item.record.lane == lane]
    if not own:
        return "it was not run"
    request = msgspec.structs.replace(request_of_lane(context.settings, lane), strict=True)
    requirements = make_requirements(context.settings, request, open_gates(context), run_id="")
    verdict = judge(requirements, own, more=added_examiners())
    if verdict.violations:
        return f"{verdict.violations[0].code.value} {verdict.violations[0].message}"
    return "" if verdict.ready else "nothing of it could run"
