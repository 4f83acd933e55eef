"""Runs as history stores them, from a few words, and a project that remembers them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from greenlane.cli.main import main
from greenlane.evidence.history import RecordedRun, RecordedTest
from greenlane.evidence.outcome import Outcome
from greenlane.history import spool

NOON = 1_750_000_000.0
TEST = "tests/nd/test_a.py::test_flaky"
STEADY = "tests/nd/test_a.py::test_steady"
WORDS = {"p": Outcome.PASSED, "f": Outcome.FAILED, "e": Outcome.ERROR, "s": Outcome.SKIPPED, "x": Outcome.XFAILED}

CONFIGURATION = """
[tool.greenlane]
history = { ingest = "later" }

[tool.greenlane.lanes.core]
kind = "deterministic"
tests = ["tests/core"]

[tool.greenlane.lanes.nd]
kind = "nondeterministic"
tests = ["tests/nd"]
"""


def ended(word: str, name: str = TEST, seconds: float = 0.5) -> RecordedTest:
    """Return a test that ended in a way: `p`, `f`, `e`, `s`, `x`, or `b` for one that was run again until it passed."""
    if word == "b":
        return RecordedTest(name, Outcome.PASSED, seconds, True, "boom")
    outcome = WORDS[word]
    return RecordedTest(name, outcome, seconds, False, "boom" if outcome.bad else "")


def run_of(number: int, *tests: RecordedTest, **fields: Any) -> RecordedRun:
    """Return the run of an hour of a day, on one tree and machine."""
    told = {
        "run_id": f"run-{number:04}", "lane": "nd", "kind": "nondeterministic", "tree": "tree-1", "machine": "ci-1",
        "started_at": NOON + 3600 * number, "seconds": 2.0, "tests": tests or (ended("p"),), **fields,
    }  # fmt: skip
    return RecordedRun(**told)


def runs_of(words: str, **fields: Any) -> list[RecordedRun]:
    """Return one run an hour in which the flaky test ends as a word says, beside a steady one."""
    return [run_of(hour, ended(word), ended("p", STEADY), **fields) for hour, word in enumerate(words)]


class Remembering:
    """A project with a history.

    Args:
        path: an empty folder.
        capsys: hears what commands print.
    """

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capsys = capsys
        (path / "pyproject.toml").write_text(CONFIGURATION)
        self.spool = path / ".greenlane" / "history.spool"
        self.error = ""

    def configure(self, text: str) -> None:
        """Add sections to the configuration."""
        file = self.path / "pyproject.toml"
        file.write_text(file.read_text() + text)

    def remember(self, runs: Iterable[RecordedRun]) -> None:
        """Leave runs in the spool, as lanes do."""
        for run in runs:
            spool.drop(self.spool, run)

    def greenlane(self, command: str, *words: str) -> tuple[int, str]:
        """Run `greenlane COMMAND …` and return its exit code and what it printed; errors are in `error`."""
        self._capsys.readouterr()
        try:
            code = main([command, "--project", str(self.path), *words])
        except SystemExit as end:
            code = int(str(end.code))
        output, self.error = self._capsys.readouterr()
        return code, output

    def json(self, command: str, *words: str) -> Any:
        """Run a command with `--json` and return what it printed; it must end well."""
        code, output = self.greenlane(command, *words, "--json")
        assert code == 0, output + self.error
        return json.loads(output)
