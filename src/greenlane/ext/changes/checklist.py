"""The checklist of a change, for the terminal and the pull request, and the template that asks for the same."""

from __future__ import annotations

from collections.abc import Mapping

from greenlane.config.changes import ChangeRule, Checklist, Item, RuleResult
from greenlane.report.marked import code, escape

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
