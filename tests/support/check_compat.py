"""Does a lane tell the same truth on every Python and pytest that it may have? `nox -s compat` runs this.

One project with a test of each kind is run in its lane on each corner that can be installed here, and must give the
same codes; interpreters that are not on this machine are named.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
PYTESTS = (">=8.4,<9", ">=9,<10")
SUITE = """\
import os, socket, unittest

import pytest


def test_passes(tmp_path):
    assert tmp_path.is_dir()


def test_fails():
    assert 1 == 2


@pytest.mark.skip(reason="not here")
def test_skipped():
    pass


@pytest.mark.xfail(reason="known")
def test_known():
    assert 0


def test_leaks():
    os.environ["COMPAT_LEAK"] = "1"


def test_calls():
    with pytest.raises(OSError):
        socket.create_connection(("198.51.100.7", 80), timeout=1)


class Old(unittest.TestCase):
    def test_old(self):
        for number in range(2):
            with self.subTest(number=number):
                self.assertEqual(number, number)


@pytest.mark.samples(3)
def test_sampled(sample):
    assert sample.seed >= 0


@pytest.mark.slow
def test_left_out_by_addopts():
    os._exit(3)
"""
EXPECTED = {"ERROR", "FAILED", "LEAK", "NETWORK", "SKIPPED"}
LANE = """\
[tool.pytest.ini_options]
addopts = "-m 'not slow'"
markers = ["slow: takes long"]

[tool.greenlane.history]
enabled = false

[tool.greenlane.lanes.core]
kind = "deterministic"
tests = ["tests"]
python = "{python}"
requirements = ["pytest{pytest}"]
workers = {workers}

[tool.greenlane.lanes.slow]
kind = "nondeterministic"
tests = ["tests"]
marks = "slow"
"""


def main() -> int:
    """Run every corner; 0 when each tells what is expected."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    places = [str(path) for path in sorted(versions.glob("3.1[1-9]*/bin"))]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("NOX", "VIRTUAL", "PYTEST"))}
    environ["PATH"] = os.pathsep.join([environ["PATH"], *places])
    wrong = 0
    for python in PYTHONS:
        if not shutil.which(f"python{python}", path=environ["PATH"]):
            print(f"Python {python} is not on this machine", flush=True)
            continue
        for number, pytest in enumerate(PYTESTS):
            found = corner(python, pytest, 2 * number, environ)
            wrong += found != EXPECTED
            told = "ok" if found == EXPECTED else f"WRONG: {sorted(found)}, not {sorted(EXPECTED)}"
            print(f"Python {python}, pytest{pytest}: {told}", flush=True)
    return 1 if wrong else 0


def corner(python: str, pytest: str, workers: int, environ: dict[str, str]) -> set[str]:
    """Return the codes of the verdict on one corner."""
    with tempfile.TemporaryDirectory(prefix="greenlane-compat-") as folder:
        project = Path(folder)
        (project / "tests").mkdir()
        (project / "tests/test_kinds.py").write_text(SUITE)
        (project / "pyproject.toml").write_text(LANE.format(python=python, pytest=pytest, workers=workers))
        for words in (["lock"], ["lane", "core"]):
            command = [sys.executable, "-P", "-m", "greenlane", *words]
            done = subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, check=False)
            if done.returncode > 1:
                print(done.stdout + done.stderr, flush=True)
                return set()
        verdict = json.loads((project / ".artifacts/verdicts/core.json").read_text())
        return {violation["code"] for violation in verdict["violations"]}


if __name__ == "__main__":
    sys.exit(main())
