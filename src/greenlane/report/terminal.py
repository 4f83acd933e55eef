"""The verdict on a terminal: rich where it is one and rich is installed, plain and greppable elsewhere."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping

from greenlane.evidence.verdict import Status, Verdict
from greenlane.judge.causes import group
from greenlane.report.flakiness import flakiness
from greenlane.report.lines import SHOWN_CAUSES, WORDS, also, causes, clean, detail, headline, line, next_steps, reason
from greenlane.report.variance import samples_line

STYLES = {Status.PASSED: "green", Status.FAILED: "red", Status.SKIPPED: "yellow"}


def plain(verdict: Verdict) -> list[str]:
    """Return the lines of a verdict without colours: checks, warnings, violations, causes, the word."""
    names = [clean(check.name) for check in verdict.checks]
    width = max(map(len, names), default=0)
    return [
        *(
            f"{WORDS[check.status]}  {name:<{width}}  {detail(check)}".rstrip()
            for name, check in zip(names, verdict.checks, strict=True)
        ),
        *_samples(verdict),
        *flakiness(verdict)[:SHOWN_CAUSES],
        *(f"WARNING: {line(violation)}" for violation in verdict.warnings[:SHOWN_CAUSES]),
        *_reasons(verdict),
        headline(verdict),
    ]


def _samples(verdict: Verdict) -> list[str]:
    """Return the pass rate of each test that was run several times."""
    return [clean(samples_line(result)) for check in verdict.checks for result in check.samples][:SHOWN_CAUSES]


def _reasons(verdict: Verdict) -> list[str]:
    """Return violations, causes and next steps; nothing for a ready verdict."""
    found = group(verdict.violations)
    lines = []
    for cause in found[:SHOWN_CAUSES]:
        lines += [reason(cause.head), *(f"  also: {other}" for other in also(cause))]
    if len(found) > SHOWN_CAUSES:
        lines.append(f"… and {len(found) - SHOWN_CAUSES} more violations in the reports")
    lines += causes(verdict)[:SHOWN_CAUSES]
    return lines + [f"  next: {step}" for step in next_steps(verdict)]


def show(verdict: Verdict, environ: Mapping[str, str]) -> None:
    """Print a verdict on standard output."""
    wanted = sys.stdout.isatty() and "NO_COLOR" not in environ
    if wanted and importlib.util.find_spec("rich") is not None:
        _rich(verdict)
    else:
        print(_shown("\n".join(plain(verdict))), flush=True)


def _shown(text: str) -> str:
    """Return text that standard output can take; what its encoding lacks is written as an escape."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _rich(verdict: Verdict) -> None:
    """Print a table with colours; test names are text, never markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table("check", "status", "detail", title=None, expand=False)
    for check in verdict.checks:
        name, text = _shown(clean(check.name)), _shown(detail(check))
        table.add_row(Text(name), Text(WORDS[check.status], STYLES[check.status]), Text(text))
    console.print(table)
    for rate in _samples(verdict):
        console.print(Text(_shown(rate)))
    for flaky in flakiness(verdict)[:SHOWN_CAUSES]:
        console.print(Text(_shown(flaky), "yellow"))
    for violation in verdict.warnings[:SHOWN_CAUSES]:
        console.print(Text(_shown(f"WARNING: {line(violation)}"), "yellow"))
    for text in _reasons(verdict):
        console.print(Text(_shown(text), "red" if text.startswith(("VIOLATION", "CONFIG_ERROR", "CAUSE")) else ""))
    console.print(Text(_shown(headline(verdict)), "bold green" if verdict.ready else "bold red"))
