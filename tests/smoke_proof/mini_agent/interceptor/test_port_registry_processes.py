"""The port registry under many processes, and under processes that are killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from support import registry_processes
from support.gateway import inherited


def run_processes(kind: str, file: Path) -> Any:
    """Return what the processes report."""
    command = [sys.executable, registry_processes.__file__, kind, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, env=inherited(), timeout=55, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_many_processes_at_once(tmp_path: Path) -> None:
    """32 processes ask for 200 projects at once: a port each, none twice, none lost, no backup."""
    file = tmp_path / "registry.json"
    report = run_processes("race", file)
    assert report["failed"] == 0
    assert len(report["answers"]) == 2 * registry_processes.PROJECTS
    told = {(project, port) for project, port in report["answers"]}
    assert len(told) == len({port for _, port in told}) == registry_processes.PROJECTS
    assert json.loads(file.read_bytes())["mappings"] == dict(told)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["registry.json", "registry.json.lock"]


def test_killed_at_any_instant(tmp_path: Path) -> None:
    """A process killed at a random instant, a hundred times: the file stays valid, and every port told is in it."""
    report = run_processes("kill", tmp_path / "registry.json")
    assert report["problems"] == []
    assert report["known"] > 50
    assert report["cut_short"] > 0, "no kill came amid a write: the test proves nothing"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["registry.json", "registry.json.lock"]
