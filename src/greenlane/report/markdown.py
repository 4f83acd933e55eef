"""`PROJECT_READY.md`: the verdict for people who were not there."""

from __future__ import annotations

import time
from collections.abc import Sequence

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.verdict import Verdict
from greenlane.judge.causes import Cause, group
from greenlane.judge.samples import by_chance, percent
from greenlane.report.lines import (
    WORDS,
    also,
    answers_line,
    detail,
    endpoints,
    excused,
    flakiness,
    next_steps,
    row,
    skips,
)
from greenlane.report.lines import causes as causes_of
from greenlane.report.marked import code, escape
from greenlane.report.taxonomy import evidence_table, lane_table, not_needed

SHOWN = 200
"""Causes, and tests that went wrong, in the report; the JSON has more of them."""


def markdown(verdict: Verdict, evidence: Sequence[LaneEvidence] = ()) -> str:
    """Return the whole report."""
    made = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(verdict.made_at))
    sections = [
        [f"# {verdict.word}", "", f"Policy {escape(verdict.policy)}{', strict' if verdict.strict else ''}. {made}."],
        _checks(verdict),
        _violations(verdict),
        _gates(verdict),
        _models(verdict),
        _samples(verdict),
        _excused(verdict),
        _skips(verdict),
        _flakiness(verdict),
        _endpoints(verdict),
        evidence_table(verdict, evidence),
        lane_table(verdict),
        not_needed(verdict),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _checks(verdict: Verdict) -> list[str]:
    rows = [
        f"| {escape(check.name)} | {WORDS[check.status]} | {'yes' if check.required else 'no'} |"
        f" {escape(detail(check))} |"
        for check in verdict.checks
    ]
    return ["## Results", "", "| check | status | required | detail |", "|---|---|---|---|", *rows]


def _violations(verdict: Verdict) -> list[str]:
    if not verdict.violations and not verdict.warnings:
        return ["## Violations", "", "None."]
    reasons, warnings, every = group(verdict.violations), group(verdict.warnings), causes_of(verdict)
    found = [text for cause in reasons[:SHOWN] for text in (_violation(cause), *map(_folded, also(cause)))]
    found += _left_out(reasons, "causes")
    warned = [f"- warning: {escape(row(cause))}" for cause in warnings[:SHOWN]] + _left_out(warnings, "warnings")
    causes = [f"- {escape(cause)}" for cause in every[:SHOWN]] + _left_out(every, "tests")
    steps = [f"- {escape(step)}" for step in next_steps(verdict)]
    parts = ["## Violations", "", *found, *warned]
    if causes:
        parts += ["", "### Causes", "", *causes]
    return [*parts, "", "### Next steps", "", *steps] if steps else parts


def _violation(cause: Cause) -> str:
    code = cause.head.code.value
    return f"- **{code}** {escape(row(cause).removeprefix(code).strip())}"


def _left_out(found: Sequence[object], what: str) -> list[str]:
    return [f"- … and {len(found) - SHOWN:,} more {what}"] if len(found) > SHOWN else []


def _folded(text: str) -> str:
    return f"  - also {escape(text)}"


def _gates(verdict: Verdict) -> list[str]:
    if not verdict.gates:
        return []
    rows = [f"- {escape(g.provider)}: {'open' if g.open else f'closed, {escape(g.reason)}'}" for g in verdict.gates]
    return ["## Live providers", "", *rows]


def _models(verdict: Verdict) -> list[str]:
    rows = []
    for check in verdict.checks:
        for answers in check.models:
            rows.append(f"- {escape(check.name)}: {escape(answers_line(answers))}")
            rows.append(f"    - {code(answers.prompt)} → {code(answers.text)}")
    return ["## Models", "", *rows] if rows else []


def _excused(verdict: Verdict) -> list[str]:
    rows = [
        f"| {escape(one.what)} | {one.tests} | {escape(one.why)} | {escape(one.since)} | {escape(one.who)} |"
        for one in verdict.excused[:SHOWN]
    ]
    lines = [*map(escape, excused(verdict)), *_left_out(verdict.excused, "entries")]
    head = ["", "| entry | tests | why | since | who |", "|---|---|---|---|---|"] if rows else []
    return ["## Excused", "", *lines, *head, *rows] if lines else []


def _skips(verdict: Verdict) -> list[str]:
    found = skips(verdict)
    lines = [f"- {escape(text.removeprefix('SKIPPED '))}" for text in found[:SHOWN]] + _left_out(found, "places")
    return ["## Skipped", "", *lines] if lines else []


def _flakiness(verdict: Verdict) -> list[str]:
    flaky = flakiness(verdict)
    step = "`greenlane flakes list` tells which of them are due for quarantine."
    return ["## Flaky tests", "", *(f"- {escape(text)}" for text in flaky), "", step] if flaky else []


def _samples(verdict: Verdict) -> list[str]:
    rows = []
    for check in verdict.checks:
        for result in check.samples:
            rows.append(
                f"| {escape(check.name)} | {code(result.test)} | {result.passed} of {result.n} | {result.at_least} |"
                f" {percent(result)} | {by_chance(result) or 'never'} |"
            )
            rows += [f"|  | seed {s.seed} | {escape(s.cause)} |  | {code(s.replay)} |  |" for s in result.failed]
    head = ["| check | test | passed | must | rate | luck |", "|---|---|---|---|---|---|"]
    return ["## Samples", "", *head, *rows] if rows else []


def _endpoints(verdict: Verdict) -> list[str]:
    rows = [
        f"- {escape(check)}: {', '.join(code(f'{name}={value}') for name, value in sorted(values.items()))}"
        for check, values in endpoints(verdict).items()
    ]
    return ["## Endpoints", "", *(rows or ["No lane used a service of the harness."])]
