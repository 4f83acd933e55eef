"""Writes the reports: the only part of this floor that touches files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from greenlane.config.schema import Configuration
from greenlane.errors import ExtensionError
from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.verdict import Verdict
from greenlane.report.ctrf import as_ctrf
from greenlane.report.junit import as_junit
from greenlane.report.machine import as_json
from greenlane.report.markdown import markdown
from greenlane.report.page import as_page
from greenlane.util.extensions import REPORTS, Extension, extensions, load
from greenlane.util.files import write_atomically


class Report(Protocol):
    """A pure function from a verdict, and the evidence that it rests on, to text."""

    def __call__(self, verdict: Verdict, evidence: Sequence[LaneEvidence], /) -> str:
        """Return the report."""


def planned(configuration: Configuration, lane: str = "") -> dict[str, Report]:
    """Return every report by its path relative to the project.

    The judgement of a single lane has files of its own: it must not pass for the verdict of the project. They lie
    beside the lane's folder, which belongs to whoever runs the lane next.

    Args:
        configuration: where reports go.
        lane: name of the lane that is judged by itself; empty for a verdict of the project.
    """
    if lane:
        base = f"{configuration.artifacts}/verdicts/{lane}"
        files = {"md": markdown, "html": as_page, "ctrf.json": as_ctrf, "xml": as_junit, "json": as_json}
        return {f"{base}.{ending}": make for ending, make in files.items()}
    base, report = f"{configuration.artifacts}/verdict", configuration.report
    reports: dict[str, Report] = {
        report.markdown: markdown,
        report.json: as_json,
        f"{base}.html" if report.html is None else report.html: as_page,
        f"{base}.ctrf.json" if report.ctrf is None else report.ctrf: as_ctrf,
        f"{base}.xml": as_junit,
        f"{base}.json": as_json,
    }
    return {name: make for name, make in reports.items() if name}


def added_reports(configuration: Configuration, lane: str = "") -> dict[str, Extension]:
    """Return every report that is an extension, by its path relative to the project: its name ends the file's."""
    base = f"{configuration.artifacts}/verdicts/{lane}" if lane else f"{configuration.artifacts}/verdict"
    return {f"{base}.{extension.name}": extension for extension in extensions(REPORTS)}


def write_reports(
    verdict: Verdict,
    project: Path,
    configuration: Configuration,
    evidence: Sequence[LaneEvidence] = (),
    say: Callable[[str], None] = print,
) -> list[Path]:
    """Write every report of a verdict and return their paths; one that an extension fails to make is told of.

    Args:
        project: folder that the configured paths are relative to.
        configuration: where they go.
        evidence: what the verdict rests on, for the reports that tell of single tests.
    """
    written = []
    for name, make in planned(configuration, verdict.lane).items():
        write_atomically(project / name, make(verdict, evidence))
        written.append(project / name)
    for name, extension in added_reports(configuration, verdict.lane).items():
        try:
            text = _made(extension, verdict, evidence)
        except ExtensionError as error:
            say("\n".join(error.lines()))
        else:
            write_atomically(project / name, text)
            written.append(project / name)
    return written


def _made(extension: Extension, verdict: Verdict, evidence: Sequence[LaneEvidence]) -> str:
    """Return the text of a report that another distribution adds.

    Raises:
        ExtensionError: there is none.
    """
    make = load(extension)
    try:
        text = make(verdict, evidence)
    except Exception as error:
        raise ExtensionError(f"{extension.label} failed: {type(error).__name__}: {error}") from error
    if not isinstance(text, str):
        raise ExtensionError(f"{extension.label} returned {text!r:.80}, which is no text")
    return text


def remove_reports(project: Path, configuration: Configuration, lane: str = "") -> None:
    """Remove the reports of an earlier run, so that a run that ends badly leaves no READY behind."""
    for name in (*planned(configuration, lane), *added_reports(configuration, lane)):
        (project / name).unlink(missing_ok=True)
