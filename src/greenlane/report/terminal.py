"""The verdict on a terminal: with colours where it is one and rich is installed, plain and greppable elsewhere.

Whatever happened, it is forty lines: one for each cause, worst first, and what was left out is counted.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.verdict import Status, Verdict
from greenlane.evidence.violation import Code
from greenlane.judge.causes import Cause, group
from greenlane.report.failures import said
from greenlane.report.lines import (
    WORDS,
    also,
    causes_of,
    clean,
    detail,
    excused,
    flakiness,
    headline,
    reason,
    row,
    samples_line,
    shortened,
    skips,
)

LINES = 38
"""Lines of a verdict: with where the reports lie, and what history has to say, they are forty."""

ASIDE = 6
"""Lines of each thing that is told beside the reasons."""

CHECKS = 12
SAID = 20
"""Lines of the checks, and of what a test said."""

STYLES = {"PASS": "green", "FAIL": "red", "SKIP": "yellow", "QUARANTINED": "yellow", "FLAKY": "yellow"}
STYLES |= {
    "VIOLATION:": "red",
    "CONFIG_ERROR:": "red",
    "CAUSE:": "red",
    "WARNING:": "yellow",
    "EXCUSED:": "yellow",
    "SKIPPED": "yellow",
}


def plain(verdict: Verdict, evidence: Sequence[LaneEvidence] = ()) -> list[str]:
    """Return the lines of a verdict without colours: checks, warnings, reasons, next steps, the word.

    Args:
        evidence: for what the test of the first cause said, where there is room.
    """
    found = group(verdict.violations)
    room = _Room(LINES - 1 - len(excused(verdict)))
    # Taken in the order of their worth, returned in the order in which they are read.
    checks = room.take(_checks(verdict), CHECKS, "checks")
    steps = list(dict.fromkeys(f"  next: {cause.head.code.value}: {cause.head.next_step}" for cause in found))
    shown = room.lines(len(found), room.left - min(len(steps), ASIDE))
    rows = room.take([reason(cause) for cause in found], shown, "causes")
    steps = room.take(steps, ASIDE, "next steps")
    warned = room.take([f"WARNING: {row(cause)}" for cause in group(verdict.warnings)], ASIDE * 2, "warnings")
    unstable = room.take(flakiness(verdict), ASIDE, "flaky tests")
    red = any(cause.head.code is Code.SKIPPED for cause in found)
    skipped = [] if red else room.take(skips(verdict), ASIDE, "skips")
    rates = room.take(_samples(verdict), ASIDE, "rates")
    folded = {number: room.whole([f"  also: {other}" for other in also(cause)]) for number, cause in enumerate(found)}
    rows = [line for number, one in enumerate(rows) for line in (one, *folded.get(number, ()))]
    causes = room.whole(list(dict.fromkeys(line for cause in found for line in causes_of(cause))))
    text = _said(found, evidence, min(room.left, SAID))
    beside = [*rates, *skipped, *unstable, *warned]
    return [*checks, *beside, *rows, *causes, *text, *steps, *excused(verdict), headline(verdict)]


class _Room:
    """Lines that are left.

    Args:
        lines: how many there are.
    """

    def __init__(self, lines: int) -> None:
        self.left = lines

    def lines(self, wanted: int, most: int) -> int:
        """Return how many lines may be had."""
        return max(0, min(wanted, most, self.left))

    def take(self, lines: Sequence[str], most: int, what: str) -> list[str]:
        """Return as many lines as there is room for; where some are left out, the last says how many."""
        count = self.lines(len(lines), most)
        kept = list(lines[:count])
        if count and count < len(lines):
            kept[-1] = f"… and {len(lines) - count + 1:,} more {what} in the reports"
        self.left -= count
        return kept

    def whole(self, lines: Sequence[str]) -> Sequence[str]:
        """Return lines if there is room for all of them."""
        return self.take(lines, len(lines), "") if len(lines) <= self.left else ()


def _checks(verdict: Verdict) -> list[str]:
    """Return a line for each check; where they are many, those that passed come last."""
    checks = verdict.checks
    if len(checks) > CHECKS:
        checks = tuple(sorted(checks, key=lambda check: check.status is Status.PASSED))
    names = [clean(check.name) for check in checks]
    width = max(map(len, names), default=0)
    return [
        shortened(f"{WORDS[check.status]}  {name:<{width}}  {detail(check)}".rstrip())
        for name, check in zip(names, checks, strict=True)
    ]


def _samples(verdict: Verdict) -> list[str]:
    """Return the pass rate of each test that was run several times."""
    return [clean(samples_line(result)) for check in verdict.checks for result in check.samples]


def _said(found: Sequence[Cause], evidence: Sequence[LaneEvidence], most: int) -> list[str]:
    """Return what the first test that failed said, its middle left out where it is longer than there is room for."""
    texts = said(evidence) if found and most > ASIDE else {}
    about = ((v.check, v.subject) for cause in found for v in (cause.head, *cause.related))
    lines = next((texts[key] for key in about if key in texts), "").splitlines()
    if len(lines) > most:
        half = (most - 1) // 2
        lines = [*lines[:half], f"… {len(lines) - 2 * half} lines: see the reports", *lines[-half:]]
    return [shortened(f"  | {clean(line)}".rstrip()) for line in lines]


def show(verdict: Verdict, environ: Mapping[str, str], evidence: Sequence[LaneEvidence] = ()) -> None:
    """Print a verdict on standard output."""
    *lines, last = plain(verdict, evidence)
    styled = [(line, STYLES.get(line.partition(" ")[0], "")) for line in lines]
    print_styled([*styled, (last, "bold green" if verdict.ready else "bold red")], environ)


def print_styled(lines: Sequence[tuple[str, str]], environ: Mapping[str, str]) -> None:
    """Print lines on standard output, in their styles where it is a terminal and nobody asks for plain text.

    What the encoding of the output lacks is written as an escape.
    """
    encoding = sys.stdout.encoding or "utf-8"
    shown = [(text.encode(encoding, "backslashreplace").decode(encoding), style) for text, style in lines]
    if not sys.stdout.isatty() or "NO_COLOR" in environ or importlib.util.find_spec("rich") is None:
        print("\n".join(text for text, _ in shown), flush=True)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for text, style in shown:  # names of tests are text, never markup, and no line is broken in two
        console.print(Text(text, style), soft_wrap=True)
