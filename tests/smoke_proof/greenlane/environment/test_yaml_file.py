"""YAML in the control environment: the program that reads it there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def read(path: Path) -> subprocess.CompletedProcess[str]:
    """Run the program on a file, as a nox environment without YAML does."""
    command = [sys.executable, "-P", "-m", "greenlane.environment.yaml_file", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_content_comes_out_as_json(tmp_path: Path) -> None:
    """Plain data of every kind that a configuration has; a date becomes text."""
    file = tmp_path / "a.yaml"
    file.write_text("a: [1, 2.5, null, true]\nb: {c: 'ü'}\nd: 2026-11-21\n")
    assert json.loads(read(file).stdout) == {"a": [1, 2.5, None, True], "b": {"c": "ü"}, "d": "2026-11-21"}


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("a: 1\na: 2\n", "{}:2: the key 'a' is there twice"),
        ("a: [\n", "{}:2: "),
        ("a: !!python/object:os.system x\n", "{}:1: could not determine a constructor"),
        ("[" * 5000, "{}: it is nested too deeply"),
    ],
)
def test_a_mistake_names_file_and_line(tmp_path: Path, text: str, mistake: str) -> None:
    """What is no YAML, would lose a key or make an object is refused, exit 2."""
    file = tmp_path / "a.yaml"
    file.write_text(text)
    done = read(file)
    assert done.returncode == 2
    assert done.stderr.startswith(mistake.format(file)), done.stderr
    assert "Traceback" not in done.stderr
