"""Reads pytest's reports: what failed, why, and where."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import pytest

from greenlane.evidence.outcome import Attempt, Outcome

Truth = tuple[Outcome, str]
"""How a phase really ended, and the first line of why, whatever its report says."""

Report = pytest.TestReport | pytest.CollectReport

NO_REASON = frozenset({"", "unconditional skip", "<Skipped instance>"})
"""Texts that pytest writes for a skip to which nobody gave a reason."""


def first_line(text: str) -> str:
    """Return the first line that says something, without control characters, at most 500 characters."""
    for line in text.splitlines():
        clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line).strip()
        if clean:
            return clean[:500]
    return ""


def cause_of(report: Report, project: str) -> tuple[str, str, int]:
    """Return the first line of what went wrong, the file and the line number (0 for unknown).

    The line is the project's own where it has one: what a library raises, somebody's code has called.

    Args:
        report: of a test or a file; project: absolute path of it.
    """
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is None:
        return words_of(report), relative(report.nodeid.split("::")[0], project), 0
    path, line = _own_line(report, project) or (crash.path, crash.lineno)
    return words_of(report), relative(path, project), line


def words_of(report: Report) -> str:
    """Return the first line of what went wrong."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        return first_line(crash.message)
    text = str(report.longrepr or "")
    marked = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    return first_line(marked[-1] if marked else text)


def raised_outside(report: pytest.TestReport, project: str) -> str:
    """Return where a library raised what went wrong, as `file:line`; empty when it was the project's own code."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return f"{crash.path}:{crash.lineno}" if crash is not None and not _own(crash.path, project) else ""


def _own_line(report: Report, project: str) -> tuple[str, int] | None:
    """Return the innermost line of a traceback that is the project's own."""
    trace = getattr(report.longrepr, "reprtraceback", None)
    places = [getattr(entry, "reprfileloc", None) for entry in getattr(trace, "reprentries", ())]
    own = [(place.path, place.lineno) for place in places if place is not None and _own(place.path, project)]
    return own[-1] if own else None


def _own(path: str, project: str) -> bool:
    """Return whether a file is one of the project, and not of an environment within it."""
    short = relative(path, project)
    return not os.path.isabs(short) and not {"..", "site-packages"} & set(PurePath(short).parts)


def relative(path: str, project: str) -> str:
    """Return a path relative to the project where it is below it; where a test has gone since is of no account."""
    return path.removeprefix(os.path.join(project, ""))


def skip_place(report: Report, project: str) -> tuple[str, int]:
    """Return the file and line that a test was skipped at; an empty name and 0 for unknown."""
    place = report.longrepr
    return (relative(str(place[0]), project), int(place[1])) if isinstance(place, tuple) else ("", 0)


def skip_reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return why a test was skipped; empty when nobody said why."""
    longrepr = report.longrepr
    text = str(longrepr[2]) if isinstance(longrepr, tuple) else first_line(str(longrepr or ""))
    text = text.removeprefix("Skipped:").removeprefix("Skipped").strip()
    return "" if text in NO_REASON else first_line(text)


def settle(reports: Sequence[pytest.TestReport], project: str, hidden: Truth | None = None) -> dict[str, Any]:
    """Return the final outcome of one test, as the fields of `TestFinished`.

    Args:
        reports: of every phase, in order; more than one of the same phase when something re-ran the test.
        project: absolute path of it.
        hidden: what really happened where a hook may have turned a failure into something else.
    """
    bodies = [report for report in reports if report.when == "call"]
    attempts = max(len(bodies), len([r for r in reports if r.when == "setup"]), 1)
    last = [reports[i] for i in range(len(reports)) if not any(r.when == reports[i].when for r in reports[i + 1 :])]
    fields: dict[str, Any] = {
        "duration": sum(report.duration for report in reports),
        "attempts": attempts,
        "ran": bool(bodies),
    }
    if attempts > 1:
        fields["earlier"] = _earlier(reports)
    outcome, telling = _worst(last)
    if outcome.bad and telling is not None:
        cause, path, line = cause_of(telling, project)
        fields.update(cause=cause or "no message", path=path, line=line, raised=raised_outside(telling, project))
    elif outcome is Outcome.SKIPPED and telling is not None:
        path, line = skip_place(telling, project)
        fields.update(reason=skip_reason(telling), path=path, line=line, ran=False)
    elif outcome in (Outcome.XFAILED, Outcome.XPASSED) and telling is not None:
        fields["reason"] = first_line(
            str(getattr(telling, "wasxfail", "")).removeprefix("reason: ").removeprefix("[NOTRUN]")
        )
    if hidden and not outcome.bad:
        outcome, text = hidden
        fields["cause" if outcome.bad else "reason"] = text
    return {"outcome": outcome, **fields}


def _earlier(reports: Sequence[pytest.TestReport]) -> tuple[Attempt, ...]:
    """Return every run of a test but its last; a phase that comes again begins a new one."""
    runs: list[list[pytest.TestReport]] = [[]]
    for report in reports:
        if any(known.when == report.when for known in runs[-1]):
            runs.append([])
        runs[-1].append(report)
    return tuple(_attempt(run) for run in runs[:-1])


def _attempt(run: Sequence[pytest.TestReport]) -> Attempt:
    """Return one run; what a plugin calls `rerun` is a failure that it hides."""
    failed = [report for report in run if report.outcome in ("failed", "rerun")]
    outcome = Outcome.FAILED if failed else _worst(run)[0]
    return Attempt(outcome, sum(report.duration for report in run), words_of(failed[0]) if failed else "")


def _worst(last: Sequence[pytest.TestReport]) -> tuple[Outcome, pytest.TestReport | None]:
    """Return the outcome that the last report of each phase adds up to, and the report that says so."""
    for report in last:
        if report.outcome == "failed":
            return (Outcome.FAILED if report.when == "call" else Outcome.ERROR), report
    for report in last:
        if report.outcome == "skipped":
            return (Outcome.XFAILED if hasattr(report, "wasxfail") else Outcome.SKIPPED), report
        if report.outcome not in ("passed", "failed"):
            return Outcome.ERROR, report
        if report.when == "call" and hasattr(report, "wasxfail"):
            return Outcome.XPASSED, report
    if not any(report.when == "call" for report in last):
        return Outcome.ERROR, None
    return Outcome.PASSED, None
