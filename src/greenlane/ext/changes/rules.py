"""What a change asks for: which rules it touches, and whether docs, checks and mapping came along."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from greenlane.config.changes import Change, ChangeKind, ChangeRule, Checklist, Item, RuleResult
from greenlane.util.globs import matches


def touched_rules(rules: Mapping[str, ChangeRule], changes: Sequence[Change]) -> dict[str, tuple[Change, ...]]:
    """Return the changes of the surface of each rule that has any."""
    found = {name: tuple(change for change in changes if touches(rule, change)) for name, rule in rules.items()}
    return {name: touching for name, touching in found.items() if touching}


def touches(rule: ChangeRule, change: Change) -> bool:
    """Return whether a change is one of a rule's surface.

    A file that is only moved within the surface changes nothing that a user sees. One that enters or leaves it does:
    a pattern must not be evaded by moving a file.
    """
    inside = matches(change.path, rule.surface)
    before = matches(change.old, rule.surface) if change.old else inside
    if not (inside or before):
        return False
    if change.kind is ChangeKind.RENAMED and change.same:
        return inside != before
    if not rule.lines or inside != before:
        return True
    return any(re.search(rule.lines, line) for line in change.lines)


def checklist(
    rules: Mapping[str, ChangeRule], changes: Sequence[Change], green: Mapping[str, str], base: str
) -> Checklist:
    """Return what a change asks for.

    Args:
        rules: by name.
        changes: every file of the diff.
        green: by lane that a touched rule wants run, why it is not green by the strict rules; empty when it is.
        base: what the change was compared with, for the reader.
    """
    results = []
    for name, touching in touched_rules(rules, changes).items():
        needs = [_need(need, patterns, touching, changes) for need, patterns in rules[name].named_needs.items()]
        runs = [_run(lane, green.get(lane, "it was not run")) for lane in rules[name].runs]
        paths = tuple(change.path for change in touching)
        results.append(RuleResult(rule=name, touched=paths, items=(*needs, *runs)))
    return Checklist(base=base, files=len(changes), results=tuple(results))


def _need(name: str, patterns: Sequence[str], touching: Sequence[Change], changes: Sequence[Change]) -> Item:
    """Return whether a need came along; a moved file says nothing new, a removed one only tells of a removal."""
    removal = all(change.kind is ChangeKind.DELETED for change in touching)
    found = tuple(
        change.path
        for change in changes
        if matches(change.path, patterns) and not change.same and (removal or change.kind is not ChangeKind.DELETED)
    )
    step = f"change a file of {', '.join(patterns)} in the same pull request"
    return Item(name=name, done=bool(found), found=found, next_step="" if found else step)


def _run(lane: str, why: str) -> Item:
    """Return whether a lane is proved green on this tree."""
    step = f"STRICT_READY=1 nox -s {lane}, on this very tree: {why}" if why else ""
    return Item(name=f"strict run of {lane}", done=not why, found=() if why else (lane,), next_step=step)
