"""The verdict on a terminal: rich where it is one and rich is installed, plain and greppable elsewhere."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping

from greenlane.model.verdict import Status, Verdict
from greenlane.report.lines import SHOWN_CAUSES, WORDS, detail, headline, line, next_steps

STYLES = {Status.PASSED: "green", Status.FAILED: "red", Status.SKIPPED: "yellow"}


def plain(verdict: Verdict) -> list[str]:
    """Return the lines of a verdict without colours: checks, warnings, violations, causes, the word."""
    width = max((len(check.name) for check in verdict.checks), default=0)
    return [
        *(f"{WORDS[c.status]}  {c.name:<{width}}  {detail(c)}".rstrip() for c in verdict.checks),
        *(f"WARNING: {line(violation)}" for violation in verdict.warnings[:SHOWN_CAUSES]),
        *_reasons(verdict),
        headline(verdict),
    ]


def _reasons(verdict: Verdict) -> list[str]:
    """Return violations, causes and next steps; nothing for a ready verdict."""
    told = [f"VIOLATION: {line(violation)}" for violation in verdict.violations[:SHOWN_CAUSES]]
    more = len(verdict.violations) - len(told)
    if more > 0:
        told.append(f"… and {more} more violations in the reports")
    causes = verdict.causes
    told += causes[:SHOWN_CAUSES]
    return told + [f"  next: {step}" for step in next_steps(verdict)]


def show(verdict: Verdict, environ: Mapping[str, str]) -> None:
    """Print a verdict on standard output."""
    wanted = sys.stdout.isatty() and "NO_COLOR" not in environ
    if wanted and importlib.util.find_spec("rich") is not None:
        _rich(verdict)
    else:
        print("\n".join(plain(verdict)), flush=True)


def _rich(verdict: Verdict) -> None:
    """Print a table with colours; test names are text, never markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table("check", "status", "detail", title=None, expand=False)
    for check in verdict.checks:
        table.add_row(Text(check.name), Text(WORDS[check.status], STYLES[check.status]), Text(detail(check)))
    console.print(table)
    for violation in verdict.warnings[:SHOWN_CAUSES]:
        console.print(Text(f"WARNING: {line(violation)}", "yellow"))
    for text in _reasons(verdict):
        console.print(Text(text, "red" if text.startswith(("VIOLATION", "CAUSE")) else ""))
    console.print(Text(headline(verdict), "bold green" if verdict.ready else "bold red"))
