"""What a probe says: worst first, one row for each cause, or the size of a badge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from greenlane.ext.probe.asked import Asked, Target
from greenlane.ext.probe.grade import Found, Grade, Rate
from greenlane.ext.probe.values import Severity
from greenlane.report.lines import clean

ROWS = 12
"""Causes that are shown; the rest is in the reports."""

NAMED = 4
"""Checks of one cause that are named."""

MARKS = {"READY": "green", "READY WITH LIMITS": "yellow", "NOT READY": "red"}


def lines(made: Grade) -> Iterator[str]:
    """Yield what was found, and last the word."""
    rows = _rows(made.found)
    for group in rows[:ROWS]:
        yield from map(clean, _row(group))
    if len(rows) > ROWS:
        yield f"… and {len(rows) - ROWS} more in the reports"
    yield from _rates(made.rates)
    if made.figures:
        yield "  seconds: " + ", ".join(f"{name} {value:g}" for name, value in made.figures.items())
    for one in made.fitness:
        what = f"ready for {one.ready}" if one.ready else "not ready"
        yield clean(f"{one.dialect} ({one.model}): {what}; {one.passed} of {one.checks} checks passed")
    yield made.word


def _rates(rates: Sequence[Rate]) -> Iterator[str]:
    """Yield what depends on chance, worst first: one line for all checks of one rate."""
    groups: dict[tuple[int, int, str], dict[str, list[str]]] = {}
    for rate in rates:
        key = (rate.passed, rate.of, f"{rate.low:.0%}–{rate.high:.0%}")
        groups.setdefault(key, {}).setdefault(rate.check, []).append(rate.dialect)
    for (passed, of, interval), checks in sorted(groups.items()):
        named = ", ".join(f"{check} ({', '.join(dialects)})" for check, dialects in checks.items())
        yield f"  {passed} of {of} ({interval}): {named}"


def _rows(found: Sequence[Found]) -> list[list[Found]]:
    """Return findings by cause: what is found in several dialects, or by several checks, is one."""
    groups: dict[tuple[bool, str], list[Found]] = {}
    for one in found:
        groups.setdefault((one.gates, one.finding), []).append(one)
    return list(groups.values())


def _row(group: Sequence[Found]) -> Iterator[str]:
    one = group[0]
    weight = "MUST" if one.gates else one.severity.value
    checks = list(dict.fromkeys(found.check for found in group))
    more = f" and {len(checks) - NAMED} more" if len(checks) > NAMED else ""
    dialects = ", ".join(dict.fromkeys(found.dialect for found in group))
    yield f"{weight} {', '.join(checks[:NAMED])}{more} [{dialects}] {one.finding}"
    if len(checks) == 1 and one.severity is not Severity.MAY:
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
