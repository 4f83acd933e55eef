"""Writes the reports: the only part of this floor that touches files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from greenlane.model.configuration import Configuration
from greenlane.model.verdict import Verdict
from greenlane.report.machine import as_json, as_junit
from greenlane.report.markdown import markdown


def write_reports(verdict: Verdict, project: Path, configuration: Configuration, lane: str = "") -> list[Path]:
    """Write every configured report and return their paths.

    The judgement of a single lane stays with that lane: it must not pass for the verdict of the project.

    Args:
        verdict: what they say.
        project: folder that the configured paths are relative to.
        configuration: where they go.
        lane: name of the lane that was judged by itself; empty for a verdict of the project.
    """
    if lane:
        wanted: dict[str, Callable[[Verdict], str]] = {
            f"{configuration.artifacts}/{lane}/verdict.xml": as_junit,
            f"{configuration.artifacts}/{lane}/verdict.json": as_json,
        }
        return _write(wanted, verdict, project)
    wanted = {
        configuration.report.markdown: markdown,
        configuration.report.json: as_json,
        f"{configuration.artifacts}/verdict.xml": as_junit,
        f"{configuration.artifacts}/verdict.json": as_json,
    }
    return _write(wanted, verdict, project)


def _write(wanted: dict[str, Callable[[Verdict], str]], verdict: Verdict, project: Path) -> list[Path]:
    """Write reports and return their paths."""
    written = []
    for name, make in wanted.items():
        if name:
            write_aside(project / name, make(verdict))
            written.append(project / name)
    return written


def write_aside(path: Path, text: str) -> None:
    """Write a file beside its place and move it there, so that no reader ever sees a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
