"""What `greenlane init` shows of what it adds: a line, or a diff."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Iterator, Mapping

from greenlane.adopt.values import Addition, Scaffold
from greenlane.cli.context import print_line
from greenlane.report.lines import clean

COLORS = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}


def show(made: Scaffold, environ: Mapping[str, str], *, diff: bool) -> None:
    """Print what is kept and what is added, in a line or as a diff."""
    colored = sys.stdout.isatty() and not environ.get("NO_COLOR")
    for path, reason in made.kept.items():
        print_line(f"kept: {path}, {reason}")
    for note in made.notes:
        print_line(f"NOTE: {note}")
    if made.additions and not diff:
        print_line(f"adds: {', '.join(_sizes(made.additions))} (--diff shows them)")
    for addition in made.additions if diff else ():
        for line in _diff(addition):
            color = COLORS.get(line[:1], "") if colored else ""
            print_line(f"{color}{clean(line)}\x1b[0m" if color else clean(line))


def _sizes(additions: Iterable[Addition]) -> Iterator[str]:
    """Yield each file with how much is added."""
    for addition in additions:
        lines = len(addition.after.splitlines()) - len((addition.before or "").splitlines())
        yield f"{addition.path} ({'new, ' if addition.before is None else '+'}{lines} lines)"


def _diff(addition: Addition) -> list[str]:
    """Return an addition as a unified diff."""
    old = "/dev/null" if addition.before is None else f"a/{addition.path}"
    before, after = (addition.before or "").splitlines(), addition.after.splitlines()
    return list(difflib.unified_diff(before, after, old, f"b/{addition.path}", lineterm=""))
