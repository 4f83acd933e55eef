"""The Makefile, with the `make` of this machine: each target is one command, whose failure is not hidden."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make on this machine")

ROOT = Path(__file__).parents[3]
TARGETS = {
    "project-ready": "ND_REAL=1 nox -s ready -- --policy deploy",
    "project-ready-core-only": "nox -s ready",
    "project-ready-core-only-with-docker": "docker run --rm --security-opt seccomp=unconfined",
    "project-ready-nd-only": "nox -s nd",
    "smokes-nd-real": "ND_REAL=1 nox -s nd",
}

FAKE = """\
#!/bin/sh
if [ "$1" = version ]; then test -z "$ENGINE" || { echo "$ENGINE" >&2; exit 1; }; exit 0; fi
echo "${ND_REAL:+ND_REAL=$ND_REAL }$(basename "$0") $*"
exit "$CODE"
"""
Make = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Run `make TARGET` where nox and docker tell how they were called and end as the test says."""
    for program in ("nox", "docker"):
        script = tmp_path / program
        script.write_text(FAKE)
        script.chmod(0o755)

    def run(*words: str, code: int = 0, engine: str = "") -> subprocess.CompletedProcess[str]:
        environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CODE": str(code), "LC_ALL": "C", "ENGINE": engine}
        command = ["make", "--no-print-directory", "-C", str(ROOT), *words]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize(("target", "command"), TARGETS.items(), ids=TARGETS.keys())
def test_a_target_runs_its_command(make: Make, target: str, command: str) -> None:
    """Each target is one command, and nothing else is run."""
    done = make("--silent", target)
    (line,) = done.stdout.splitlines()
    assert (done.returncode, line[: len(command)]) == (0, command), done.stderr


@pytest.mark.parametrize("code", [1, 2, 3, 130])
@pytest.mark.parametrize("target", TARGETS)
def test_no_target_hides_an_exit_code(make: Make, target: str, code: int) -> None:
    """A command that fails makes `make` fail, which says with what."""
    done = make(target, code=code)
    assert done.returncode != 0
    assert f"{target}] Error {code}" in done.stderr


def test_a_container_is_asked_for_the_same(make: Make) -> None:
    """The client hands the operator's settings on: a strict run is as strict in there."""
    words = make("--silent", "project-ready-core-only-with-docker").stdout.split()
    handed_on = {name for option, name in pairwise(words) if option == "--env"}
    assert {"STRICT_READY", "READINESS_EXPECT", "READINESS_FAIL_ON_SKIP", "ALL_SMOKES_CORE_TIMEOUT"} <= handed_on


def test_without_docker_it_is_said_what_is_missing(make: Make) -> None:
    """No client, or a client without an engine: what is missing, what to do, exit 2, and nothing is run."""
    target = "project-ready-core-only-with-docker"
    done = make("--silent", target, "DOCKER=no-such-docker")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == "CONFIG_ERROR: no-such-docker is not installed"
    done = make("--silent", target, engine="Cannot connect to the Docker daemon")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[:2] == [
        "CONFIG_ERROR: docker has no engine that answers: Cannot connect to the Docker daemon",
        "  next: start one, or run `make project-ready-core-only`, which needs none",
    ]
