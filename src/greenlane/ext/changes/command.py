"""`greenlane changes`: does a change bring along what its surface asks for?"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from greenlane.cli.context import context_of, print_answer, print_line
from greenlane.config.changes import ChangeRule, Checklist, Item, RuleResult
from greenlane.config.context import Context
from greenlane.errors import EXIT_NOT_READY, EXIT_READY
from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.reader import collect_all, last_run
from greenlane.ext.changes.diff import read_changes
from greenlane.ext.changes.rules import checklist, touched_rules
from greenlane.judge.judge import judge
from greenlane.report.marked import code, escape
from greenlane.run.gates import open_gates
from greenlane.run.request import request_of_lane
from greenlane.run.requirements import added_examiners, make_requirements
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


SHOWN = 5
"""Paths that are listed before the rest is only counted."""


def checklist_markdown(answer: Checklist) -> str:
    """Return a checklist as Markdown that GitHub shows with boxes."""
    head = f"## Change control: {'complete' if answer.done else 'INCOMPLETE'}"
    about = f"{answer.files} changed file{'' if answer.files == 1 else 's'} since {code(answer.base)}."
    if not answer.results:
        return f"{head}\n\n{about} No rule is touched.\n"
    return "\n".join([head, "", about, "", *(line for result in answer.results for line in _rule(result))]) + "\n"


def _rule(result: RuleResult) -> list[str]:
    """Return the lines of one rule."""
    return [f"- {_box(result.done)} **{escape(result.rule)}**: {_paths(result.touched)}", *map(_item, result.items)]


def _item(item: Item) -> str:
    """Return the line of one need or run."""
    state = _paths(item.found) if item.done else f"missing; {escape(item.next_step)}"
    return f"  - {_box(item.done)} {escape(item.name)}: {state}"


def _box(done: bool) -> str:
    return "[x]" if done else "[ ]"


def _paths(paths: tuple[str, ...]) -> str:
    """Return the first paths, and how many more there are."""
    rest = len(paths) - SHOWN
    return ", ".join(map(code, paths[:SHOWN])) + (f" and {rest} more" if rest > 0 else "")


def template(rules: Mapping[str, ChangeRule]) -> str:
    """Return the pull request template that asks for what the rules check."""
    lines = ["## What changes for users, and why", "", "", "## Checklist", ""]
    lines += ["`greenlane changes --base origin/main` fills this in and decides; strike out what is not touched.", ""]
    for name, rule in rules.items():
        about = " with " + code(rule.lines) if rule.lines else ""
        lines.append(f"- [ ] **{escape(name)}**: changes {', '.join(map(code, rule.surface))}{about}")
        lines += [
            f"  - [ ] {escape(need)}: {', '.join(map(code, patterns))}" for need, patterns in rule.named_needs.items()
        ]
        lines += [f"  - [ ] strict run of {escape(lane)} on this tree" for lane in rule.runs]
    return "\n".join(lines) + "\n"
