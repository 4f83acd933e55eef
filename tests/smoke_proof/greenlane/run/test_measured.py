"""Coverage of a lane, measured in real environments."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from greenlane.environment.wheels import repack
from support.tiny import CORE, TinyProject
from support.wheelhouse import lock_of

SOURCE = "import subprocess, sys\n\ndef used():\n    return 1\n\ndef unused():\n    return 2\n"
TEST = """\
import subprocess, sys
import part
def test_a():
    subprocess.run([sys.executable, "-c", "import part; part.used()"], check=True)
"""


@pytest.fixture
def covered(make_tiny: Callable[..., TinyProject]) -> Callable[..., TinyProject]:
    """A project whose lane demands a share of coverage of one module."""
    tiny = make_tiny(own=True)
    lock = tiny.lock + lock_of([repack("coverage", tiny.wheelhouse)])

    def make(fail_under: float, **options: Any) -> TinyProject:
        lane: dict[str, Any] = {**CORE, "coverage": {"packages": ["part"], "fail_under": fail_under}, **options}
        tiny.lanes(core=lane).write("locks/core.txt", lock).write("part.py", SOURCE)
        return tiny.write("conftest.py", "")

    return make


def run(tiny: TinyProject, *words: str, test: str = TEST) -> Any:
    """Run a command without this lane's own measurement around it."""
    tiny.test(test)
    return tiny.greenlane(*words, COVERAGE_PROCESS_CONFIG="", COVERAGE_PROCESS_START="")


def test_enough_and_too_little(covered: Callable[..., TinyProject]) -> None:
    """A lane is measured with the processes that it starts; under its threshold it is COVERAGE_LOW."""
    ran = run(covered(70.0), "ready")
    assert ran.code == 0, ran.output
    share = ran.verdict["checks"][0]["record"]["coverage"]
    assert share == pytest.approx(80.0)
    combined = covered(70.0).path / ".artifacts" / "coverage"
    assert (combined / "coverage.xml").exists()
    assert (combined / "html" / "index.html").exists()
    ran = run(covered(80.1), "lane", "core")
    assert (ran.code, ran.codes) == (1, {"COVERAGE_LOW"}), ran.output
    assert "coverage is 80.00 %, the lane demands 80.1 %" in ran.message("COVERAGE_LOW")


def test_only_the_policies_that_want_it_measure(covered: Callable[..., TinyProject]) -> None:
    """A policy that people wait for does without; one that measures demands it, and so does the lane by itself."""
    coverage = {"packages": ["part"], "fail_under": 99.0, "policies": ["matrix"]}
    ran = run(covered(99.0, coverage=coverage), "ready")
    assert ran.code == 0, ran.output
    assert ran.verdict["checks"][0]["record"]["coverage"] is None
    for words in (("ready", "--policy", "matrix"), ("lane", "core")):
        ran = run(covered(99.0, coverage=coverage), *words)
        assert (ran.code, ran.codes) == (1, {"COVERAGE_LOW"}), ran.output


def test_workers_that_are_forked_are_measured(covered: Callable[..., TinyProject]) -> None:
    """What ran while a module was preloaded, and what ran in its forks, is one measurement."""
    tiny = covered(80.0, workers=2, preload=["part"]).write("pytest.ini", "[pytest]\npythonpath = .\n")
    ran = run(tiny, "lane", "core", test="import part\ndef test_a(): assert part.used() == 1\n")
    assert ran.code == 0, ran.output
    assert ran.verdict["checks"][0]["record"]["coverage"] == pytest.approx(80.0)


def test_not_measured(covered: Callable[..., TinyProject]) -> None:
    """A lane that demands coverage and has no coverage.py to measure it is red, not silently unmeasured."""
    tiny = covered(0.0)
    tiny.write("locks/core.txt", tiny.lock)
    ran = run(tiny, "lane", "core")
    assert ran.code == 1
    assert "coverage was not measured" in ran.message("COVERAGE_LOW"), ran.output


def test_lock(make_tiny: Callable[..., TinyProject], tmp_path: Path) -> None:
    """`lock` writes hashes and no addresses, `--check` tells a stale lock and changes nothing."""
    tiny = make_tiny().lanes(core=CORE)
    path = tiny.path / "locks" / "core.txt"
    path.unlink()
    assert tiny.greenlane("lock").code == 0
    text = path.read_text()
    assert "pytest==" in text
    assert re.findall(r"^\S+==[^\\\n]*$", text, re.MULTILINE) == []
    assert re.findall(r"^\S+==[^\\\n]*\\\n    --hash=sha256:", text, re.MULTILINE)
    assert "://" not in text
    assert str(tmp_path) not in text
    assert "every lock is up to date" in tiny.greenlane("lock", "--check").output
    config = (tiny.path / "pyproject.toml").read_text()
    tiny.write("pyproject.toml", config + '\n[dependency-groups]\ncore = ["respected==1.0"]\n')
    ran = tiny.greenlane("lock", "--check")
    assert (ran.code, path.read_text()) == (2, text), ran.output
    assert "CONFIG_ERROR: compiling core.txt failed" in ran.output
    assert "respected" in ran.output
    tiny.write("pyproject.toml", config + '\n[dependency-groups]\ncore = ["iniconfig<99"]\n')
    ran = tiny.greenlane("lock", "--check")
    assert (ran.code, path.read_text()) == (1, text)
    assert "stale: locks/core.txt" in ran.output
