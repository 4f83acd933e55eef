"""What a probe says: worst first, one row for each cause, or the size of a badge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from greenlane.ext.probe.asked import Asked, Target
from greenlane.ext.probe.grade import Found, Grade
from greenlane.ext.probe.values import Severity
from greenlane.report.lines import clean

ROWS = 12
"""Causes that are shown; the rest is in the reports."""

MARKS = {"READY": "green", "READY WITH LIMITS": "yellow", "NOT READY": "red"}


def lines(made: Grade) -> Iterator[str]:
    """Yield what was found, and last the word."""
    rows = _rows(made.found)
    for group in rows[:ROWS]:
        yield from map(clean, _row(group))
    if len(rows) > ROWS:
        yield f"… and {len(rows) - ROWS} more in the reports"
    for rate in made.rates:
        yield f"  {rate.passed} of {rate.of} ({rate.low:.0%}–{rate.high:.0%})  {rate.dialect} {rate.check}"
    if made.told:
        yield "  seconds: " + ", ".join(f"{name} {value:g}" for name, value in made.told.items())
    for one in made.fitness:
        what = f"ready for {one.ready}" if one.ready else "not ready"
        yield clean(f"{one.dialect} ({one.model}): {what}; {one.passed} of {one.checks} checks passed")
    yield made.word


def _rows(found: Sequence[Found]) -> list[list[Found]]:
    """Return findings by cause: the same check for the same reason in several dialects is one."""
    groups: dict[tuple[str, str], list[Found]] = {}
    for one in found:
        groups.setdefault((one.check, one.finding), []).append(one)
    return list(groups.values())


def _row(group: Sequence[Found]) -> Iterator[str]:
    one = group[0]
    weight = "MUST" if one.gates else one.severity.value
    yield f"{weight} {one.check} [{', '.join(g.dialect for g in group)}] {one.finding}"
    if one.severity is not Severity.MAY:
        yield f"    breaks: {one.breaks}"
        yield f"    stands: {one.sentence} ({one.source})"


def summary(made: Grade) -> str:
    """Return a line for a README: the word, and what each dialect is good for."""
    parts = [f"{one.dialect} {one.ready or 'not ready'} {one.passed}/{one.checks}" for one in made.fitness]
    colour = MARKS[made.word]
    word = made.word.replace(" ", "%20")
    badge = f"![probe: {made.word}](https://img.shields.io/badge/probe-{word}-{colour})"
    return f"{badge} {' · '.join(parts)}"


def dry(asked: Asked, trials: Sequence[str]) -> Iterator[str]:
    """Yield the calls that would be made."""
    yield f"would ask {asked.url}; nothing is asked now"
    for line in trials:
        yield f"  {line}"
    total = 0
    for target in asked.targets:
        yield f"{target.dialect.value} ({target.model}):"
        for one, check in asked.checks():
            if one == target:
                runs = asked.samples if check.sampled else 1
                total += runs * check.calls
                yield f"  {check.name}: {_times(check.calls, runs)}, {check.severity.value} for {check.profile.value}"
    limit = asked.limit
    yield f"at most {total} calls; the budget is {limit.tokens} tokens, {limit.seconds:g} s, {limit.calls} calls"


def _times(calls: int, runs: int) -> str:
    each = f"{calls} call{'s' * (calls != 1)}"
    return each if runs == 1 else f"{runs} × {each}"


def targets_line(asked: Asked) -> str:
    """Return what is asked, in a line."""
    named: Sequence[Target] = asked.targets
    return f"probe {asked.url}: {', '.join(f'{t.dialect.value} ({t.model})' for t in named)}; {asked.profile.value}"
