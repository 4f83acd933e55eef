"""How long do workers take to start on a project whose import is dear? Forked ones, spawned ones, and plain xdist.

Run it with `nox -s bench -- workers`. The import takes processor time, as a real one does; each way is measured with
one worker and with many, in turns, from the command to its end. Beside the seconds stands the processor time of all
processes: on a machine that has other work it is what can be compared.
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
from collections.abc import Mapping
from pathlib import Path

from changes import compile_lock

ROOT = Path(__file__).resolve().parents[1]
CONFIG = """\
[tool.greenlane]
history = { enabled = false }

[tool.greenlane.lanes.core]
kind = "deterministic"
tests = ["tests"]
workers = "auto"
"""
DEAR = """\
import time
end = time.process_time() + %g
while time.process_time() < end:
    pass
"""
TEST = """\
import dear, pytest

@pytest.mark.parametrize("number", range(40))
def test_it(number):
    assert dear.end
"""


def write(folder: Path, seconds: float) -> None:
    """Write a project with a module that takes seconds of a processor to import."""
    files = {
        "lib/dear.py": DEAR % seconds, "tests/test_it.py": TEST, "pytest.ini": "[pytest]\npythonpath = lib\n",
        "pyproject.toml": CONFIG, "locks/core.txt": compile_lock(folder),
    }  # fmt: skip
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def measured(command: list[str], folder: Path, environment: Mapping[str, str]) -> tuple[float, float]:
    """Run a command that must succeed; return the seconds that it took, and those of processors."""
    before, began = os.times(), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=dict(environment), capture_output=True, text=True, check=False)
    took, after = time.perf_counter() - began, os.times()
    assert done.returncode == 0, done.stdout + done.stderr
    return took, after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="processor time of the import")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    words = parser.parse_args()
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT / "src")
    found: dict[str, dict[int, list[tuple[float, float]]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, words.seconds)
        lane = [sys.executable, "-P", "-m", "greenlane", "ready", "--fresh"]
        python = str(folder / ".nox/greenlane/core/bin/python")
        ways = {"plain xdist": "", "a lane": "", "a lane with preload": 'preload = ["dear"]\n'}
        measured(lane, folder, {**environment, "PYTEST_XDIST_AUTO_NUM_WORKERS": "1"})
        for _ in range(words.rounds):
            for way, more in ways.items():
                (folder / "pyproject.toml").write_text(CONFIG + more)
                for count in (1, words.workers):
                    plain = [python, "-m", "pytest", "-q", "-n", str(count), "tests"]
                    command = plain if way == "plain xdist" else lane
                    taken = measured(command, folder, {**environment, "PYTEST_XDIST_AUTO_NUM_WORKERS": str(count)})
                    found.setdefault(way, {}).setdefault(count, []).append(taken)
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}")
    print(f"import of {words.seconds:g} s, 40 tests, median of {words.rounds}; seconds (processor seconds)")
    for way, by_count in found.items():
        (one, one_cpu), (many, many_cpu) = (
            tuple(statistics.median(column) for column in zip(*rows, strict=True)) for rows in by_count.values()
        )
        print(
            f"{way}: 1 worker {one:.1f} ({one_cpu:.1f}), {words.workers} workers {many:.1f} ({many_cpu:.1f}): "
            f"{many / one:.2f} × the time, {many_cpu / one_cpu:.2f} × the processor time"
        )


if __name__ == "__main__":
    main()
