"""`bootstrap.py`, the way in on a machine that has Python and nothing else."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOXFILE = """\
import nox

@nox.session(venv_backend="none")
def core(session): print("core ran with", session.posargs)

@nox.session(venv_backend="none")
def nd(session): raise SystemExit(1)
"""

Bootstrap = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def bootstrap(tmp_path: Path) -> Bootstrap:
    """Run `bootstrap.py WORDS…` in a project whose environment with nox is made already."""
    shutil.copy(ROOT / "bootstrap.py", tmp_path)
    (tmp_path / "noxfile.py").write_text(NOXFILE)
    lock = tmp_path / "locks" / "nox.txt"
    lock.parent.mkdir()
    lock.write_text("nox==1\n")
    python = tmp_path / ".nox" / "bootstrap" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    stamp = hashlib.sha256(lock.read_bytes()).hexdigest() + sys.version
    (tmp_path / ".nox" / "bootstrap" / "lock.sha256").write_text(stamp)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(tmp_path / "bootstrap.py"), *words]
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)

    return run


def test_it_becomes_nox(bootstrap: Bootstrap) -> None:
    """A session runs with the words after `--`, and its exit code is the command's."""
    done = bootstrap("core", "--", "shard_b")
    assert (done.returncode, "core ran with ['shard_b']" in done.stdout) == (0, True), done.stderr
    assert bootstrap("nd").returncode == 1


def test_nox_starts_once(bootstrap: Bootstrap, tmp_path: Path) -> None:
    """Whoever waits for a session does not wait for a list of all of them first."""
    read = tmp_path / "read"
    noxfile = tmp_path / "noxfile.py"
    noxfile.write_text(f"{NOXFILE}\nwith open({str(read)!r}, 'a') as file:\n    file.write('read ')\n")
    assert bootstrap("core").returncode == 0
    assert read.read_text() == "read "


def test_it_lists(bootstrap: Bootstrap) -> None:
    """Options go to nox as they are."""
    done = bootstrap("--list")
    assert (done.returncode, "- nd" in done.stdout or "* nd" in done.stdout) == (0, True), done.stderr


MISTAKES = {
    "an unknown session": (("nosuch",), "CONFIG_ERROR: bootstrap: no session 'nosuch'; known: core, nd"),
    "one of two": (("core", "nosuch"), "no session 'nosuch'"),
    "no session": ((), "CONFIG_ERROR: bootstrap: no session is named"),
}


@pytest.mark.parametrize(("words", "line"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes(bootstrap: Bootstrap, words: tuple[str, ...], line: str) -> None:
    """A mistake of the user's is exit 2 and one line, and nothing is run."""
    done = bootstrap(*words)
    assert (done.returncode, line in done.stderr) == (2, True), done.stderr
    assert "core ran" not in done.stdout
    assert "Traceback" not in done.stderr
