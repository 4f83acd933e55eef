"""How much does a lane cost over plain pytest in the very same environment? Paired runs, medians.

Run it with `nox -s bench`. The lane is a project of its own with one hermetic test file (`--tests N`, 10 without); the
start of nox is not counted.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNS = 11
TARGET = 0.45
"""Seconds that the harness may add to a tiny lane."""

CONFIG = """\
[tool.greenlane.lanes.core]
kind = "deterministic"
tests = ["tests"]
test_timeout = 0
"""


def make_project(folder: Path, tests: int) -> None:
    """Write a project with trivial tests and this project's own release lock, which has all that a lane needs."""
    (folder / "tests").mkdir()
    (folder / "locks").mkdir()
    (folder / "pyproject.toml").write_text(CONFIG)
    (folder / "locks" / "core.txt").write_text((ROOT / "locks" / "release.txt").read_text())
    (folder / "tests" / "test_many.py").write_text("".join(f"def test_{n}(): pass\n" for n in range(tests)))


def timed(command: list[str], folder: Path) -> float:
    """Return the seconds that a command takes from start to end."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT / "src")
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", type=int, default=10, metavar="N", help="trivial tests in the lane (default: 10)")
    tests = parser.parse_args().tests
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_project(folder, tests)
        lane = [sys.executable, "-P", "-m", "greenlane", "lane", "core"]
        plain = [str(folder / ".nox/greenlane/core/bin/python"), "-P", "-m", "pytest", "-q", "-p", "no:greenlane"]
        timed(lane, folder)  # builds the environment
        timed([*plain, "tests"], folder)
        pairs = [(timed(lane, folder), timed([*plain, "tests"], folder)) for _ in range(RUNS)]
    added = [ours - theirs for ours, theirs in pairs]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{RUNS} pairs of {tests} trivial tests, medians: lane {ours:.2f} s, plain pytest {theirs:.2f} s")
    print(f"added: {statistics.median(added):.2f} s (from {min(added):.2f} to {max(added):.2f}), target {TARGET:.2f} s")
    sys.exit(0 if statistics.median(added) <= TARGET else 1)


if __name__ == "__main__":
    main()
