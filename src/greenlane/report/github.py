"""Tells GitHub Actions: step summary and annotations, and keeps what tests print from giving it commands."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from greenlane.config.schema import Report
from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.verdict import Verdict
from greenlane.report.annotations import as_annotations
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
