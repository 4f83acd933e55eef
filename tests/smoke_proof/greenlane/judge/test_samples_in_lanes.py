"""Tests that are run several times, through the command line: tolerance, reports, and a replay that is pasted."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.tiny import NOXFILE, TinyProject

ND: dict[str, Any] = {"kind": "nondeterministic", "tests": ["tests"], "test_timeout": 20}
VARIES = """
    import random
    import pytest

    @pytest.mark.samples(6, at_least=1)
    @pytest.mark.parametrize("what", ["it's a b"])
    def test_varies(sample, what):
        print(f"drawn {random.random()}")
        assert sample.number != 4, f"drawn {random.random()}"
"""


def test_tolerance_reports_and_replay(tiny: TinyProject) -> None:
    """A failure within the tolerance is green, told with its rate and seed; its replay, pasted, fails just the same."""
    tiny.lanes(nd={**ND, "workers": 2}).test(VARIES).write("noxfile.py", NOXFILE)
    ran = tiny.greenlane("lane", "nd", "--seed", "5")
    assert ran.code == 0, ran.output
    assert "SAMPLES  tests/test_it.py::test_varies[it's a b]  5 of 6 passed, 1 must: 83 % (95 % interval" in ran.output
    assert "; red by chance in under 1 % of runs" in ran.output
    (check,) = ran.verdict["checks"]
    assert check["samples"][0]["failed"][0]["nodeid"].endswith("[it's a b-sample4]")
    (drawn,) = set(re.findall(r"AssertionError: (drawn [\d.]+)", ran.output))
    command = ran.verdict["checks"][0]["samples"][0]["failed"][0]["replay"]
    assert f"replay: {command}" in ran.output
    environ = {**tiny.environment(), "NOX_SCRIPT_MODE": "none"}
    binaries = Path(sys.executable).parent
    assert (binaries / "nox").exists() or shutil.which("nox", path=environ["PATH"])
    again = subprocess.run(
        ["bash", "-c", command], cwd=tiny.path, env=environ, capture_output=True, text=True, timeout=50, check=False
    )
    told = again.stdout + again.stderr
    assert again.returncode == 1, told
    assert drawn in told
    assert "1 failed" in told
    assert "PARTIAL" in told


def test_what_luck_does(tiny: TinyProject) -> None:
    """A check that passed and would often not is told, with the n or k that would do; it is no reason for red."""
    body = "import pytest\n@pytest.mark.samples(6, at_least=1)\ndef test_seldom(sample): assert sample.number == 3\n"
    ran = tiny.lanes(nd=ND).test(body).greenlane("lane", "nd", STRICT_READY="1")
    assert (ran.code, ran.codes) == (0, set()), ran.output
    told = "1 of 6 samples passed: at that rate it is red by chance in 33 % of runs; samples(26, at_least=1) would do"
    assert f"WARNING: RED_BY_CHANCE [nd] tests/test_it.py::test_seldom: {told}" in ran.output
    assert "| red by chance in 33 % of runs |" in (tiny.path / ".artifacts/verdicts/nd.md").read_text()


def test_too_few(tiny: TinyProject) -> None:
    """Where too few samples pass the lane is red, and each failure has its seed and its replay."""
    body = "import pytest\n@pytest.mark.samples(4, at_least=3)\ndef test_bad(sample): assert sample.number > 2\n"
    ran = tiny.lanes(nd=ND).test(body).greenlane("lane", "nd")
    assert (ran.code, ran.codes) == (1, {"FAILED"}), ran.output
    assert "TOO FEW SAMPLES  tests/test_it.py::test_bad  2 of 4 passed, 3 must: 50 %" in ran.output
    assert "CAUSE: tests/test_it.py::test_bad — 2 of 4 samples passed, 3 must" in ran.output
    for number in (1, 2):
        assert re.search(rf"test_bad\[sample{number}\]: .*; seed \d+; replay: nox -s nd -- --only", ran.output)


def test_only_needs_its_shard(tiny: TinyProject) -> None:
    """A single test of a sharded lane is run in the shard that is named, and never makes the lane green."""
    tiny.lanes(nd={**ND, "shards": ["shard_a", "shard_b"]}).test("def test_a(): pass\ndef test_b(): pass\n")
    ran = tiny.greenlane("lane", "nd", "--only", "tests/test_it.py::test_b")
    assert ran.code == 2
    assert "--only needs the one shard of nd to run in; known: shard_a, shard_b" in ran.output
    for shard in ("shard_a", "shard_b"):
        ran = tiny.greenlane("lane", "nd", shard, "--only", "tests/test_it.py::test_b")
        assert (ran.code, ran.codes) == (1, {"PARTIAL"}), ran.output
        assert ran.verdict["checks"][0]["counts"] == {"passed": 1}


def test_a_deterministic_lane_repeats_its_samples(tiny: TinyProject) -> None:
    """Two runs of a deterministic lane have the same samples: the seeds follow from the names alone."""
    tiny.test("import pytest\n@pytest.mark.samples(2)\ndef test_bad(sample): assert sample.seed < 0\n")
    one, two = (re.findall(r"seed (\d+);", tiny.greenlane("lane", "core", "--seed", seed).output) for seed in "56")
    assert len(set(one)) == 2
    assert one == two
