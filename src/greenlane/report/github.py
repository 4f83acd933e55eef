"""Tells GitHub Actions: step summary and annotations, and keeps what tests print from giving it commands."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import msgspec

from greenlane.config.schema import Report
from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.verdict import Verdict
from greenlane.judge.causes import Cause, group
from greenlane.report.lines import clean
from greenlane.report.summary import LIMIT, summary


class GitHub(msgspec.Struct, frozen=True, kw_only=True):
    """What GitHub Actions told us about itself.

    Attributes:
        summary: file of the step summary; empty for none.
        below: path of the project within the repository, with slashes.
    """

    summary: str
    below: str = ""

    @contextmanager
    def suppress_commands(self) -> Iterator[None]:
        """Keep the runner from obeying anything that is printed meanwhile, by a word that only we know."""
        word = secrets.token_hex(16)
        print(f"::stop-commands::{word}", flush=True)
        try:
            yield
        finally:
            print(f"::{word}::", flush=True)

    def tell(self, verdict: Verdict, evidence: Sequence[LaneEvidence]) -> None:
        """Print the annotations, and append to the step summary what there is room for."""
        for command in as_annotations(verdict, evidence, self.below):
            print(command.encode("utf-8", "replace").decode(), flush=True)
        if self.summary:
            path = Path(self.summary)
            taken = path.stat().st_size if path.exists() else 0
            with path.open("a", encoding="utf-8") as file:
                file.write(summary(verdict, evidence, LIMIT - taken))


def github(report: Report, environ: Mapping[str, str], project: Path) -> GitHub | None:
    """Return GitHub Actions when it is there and wanted.

    Args:
        report: the option `report.github`.
    """
    wanted = report.github == "on" or (report.github == "auto" and environ.get("GITHUB_ACTIONS") == "true")
    if not wanted:
        return None
    workspace = environ.get("GITHUB_WORKSPACE", "")
    below = os.path.relpath(project, workspace) if workspace else "."
    inside = "" if below == "." or below.startswith("..") else below
    return GitHub(summary=environ.get("GITHUB_STEP_SUMMARY", ""), below=inside.replace(os.sep, "/"))


MOST = 10
"""GitHub shows ten of a kind for each step, and drops the rest without a word."""

LONGEST = 4000
"""Characters of a message; a wall of text helps nobody beside a line of code."""


def as_annotations(verdict: Verdict, evidence: Sequence[LaneEvidence] = (), below: str = "") -> list[str]:
    """Return at most ten workflow commands: errors first, then warnings as far as there is room.

    Args:
        below: path of the project within the repository, with slashes; empty where it is the repository.
    """
    commands = [_command("error", cause, below) for cause in _telling(group(verdict.violations))]
    commands += [_command("warning", cause, below) for cause in _telling(group(verdict.warnings))]
    return commands[:MOST]


def _telling(causes: Sequence[Cause]) -> list[Cause]:
    """Return causes as they should be read: those that know their line before those that do not, else as found."""
    return sorted(causes, key=lambda cause: (not cause.head.line, not cause.head.path))


def _command(kind: str, cause: Cause, below: str) -> str:
    """Return one workflow command."""
    head = cause.head
    more = len(cause.tests) - 1
    many = f" (and {more} more test{'s' if more > 1 else ''})" if more > 0 else ""
    properties = {"title": clean(f"{head.code.value} {head.subject or head.check}{many}"[:LONGEST])}
    path = PurePosixPath(head.path)
    if head.path and not path.is_absolute() and ".." not in path.parts:
        properties = {"file": str(PurePosixPath(below) / path), "line": str(head.line or 1), **properties}
    said = "\n".join((head.cause or head.message, f"Next: {head.next_step}"))[:LONGEST]
    text = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{kind} {text}::{_data(said)}"


def _data(text: str) -> str:
    """Return text as the value of a workflow command; escapes as in GitHub's own `@actions/core`."""
    lines = "\n".join(clean(line) for line in text.split("\n"))
    return lines.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Return text as a property of a workflow command."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
