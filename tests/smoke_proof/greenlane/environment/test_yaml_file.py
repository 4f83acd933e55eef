"""YAML in the control environment: the program that reads it there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def read(path: Path, module: str = "yaml_file") -> subprocess.CompletedProcess[str]:
    """Run the program on a file, as a nox environment without YAML does."""
    command = [sys.executable, "-P", "-m", f"greenlane.environment.{module}", str(path)]
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


def test_lines_come_out_as_json(tmp_path: Path) -> None:
    """The other program tells where each value stands and how it is written; nothing is computed of it."""
    file = tmp_path / "a.yaml"
    file.write_text("- &x {n: 0755}\n- |\n  text\n- *x\n")
    done = read(file, "yaml_lines")
    first, block, again = json.loads(done.stdout)["items"]
    assert first["pairs"] == [[{"line": 1, "kind": "str", "text": "n"}, {"line": 1, "kind": "int", "text": "0755"}]]
    assert (block["line"], block["text"], again) == (3, "text\n", first)


@pytest.mark.parametrize("text", ["a: [\n", "&a [*a]\n", "[" * 5000])
def test_a_tree_without_end_is_a_mistake(tmp_path: Path, text: str) -> None:
    """What is no YAML, refers to itself or is nested without end is refused, exit 2."""
    file = tmp_path / "a.yaml"
    file.write_text(text)
    done = read(file, "yaml_lines")
    assert (done.returncode, done.stderr.startswith(str(file))) == (2, True), done.stderr
    assert "Traceback" not in done.stderr
