"""Finding the test that breaks another, beside detect-test-pollution, in one run.

    nox -s bench -- polluter [--quick] [--sizes 50 200 800] [--rounds 3] [--json FILE]

A suite of tests of 8 ms each, ten to a file, one of which changes a module that the last test reads. One plain run of
the suite by pytest, in the same environment, is the unit; every figure is a multiple of it, from start to end of the
command, environment checks included. Where the polluter stands decides how long a search takes, so each round puts it
somewhere else. Then two and three tests that break the victim only together.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from support.tiny import TinyProject  # noqa: E402
from support.wheelhouse import build_wheelhouse  # noqa: E402

SIZES = (50, 200, 800)
PLACES = (0.15, 0.5, 0.85, 0.3, 0.7)
"""Where the polluter stands, as a fraction of the suite; one for each round."""

LIMIT = 1.5
"""Plain runs of the suite that a search may take."""

VICTIM = "tests/test_zz.py::test_victim"
FILE_OF = 10


def make_suite(tiny: TinyProject, size: int, polluters: list[int]) -> None:
    """Write the suite; the tests at the given places must have run for the victim to fail."""
    for old in (tiny.path / "tests").glob("*.py") if (tiny.path / "tests").exists() else ():
        old.unlink()
    tiny.write("conftest.py", "import sys\nsys.path.insert(0, 'src')\n").write("src/shop.py", "DONE = set()\n")
    for first in range(0, size, FILE_OF):
        body = ["import time", "import shop"]
        for number in range(first, min(first + FILE_OF, size)):
            harm = f"; shop.DONE.add({number})" if number in polluters else ""
            body.append(f"def test_{number}(): time.sleep(0.008){harm}")
        tiny.write(f"tests/test_{first:04d}.py", "\n".join(body) + "\n")
    tiny.write("tests/test_zz.py", f"import shop\ndef test_victim(): assert len(shop.DONE) < {len(polluters)}\n")


def timed(command: list[str], cwd: Path, environment: dict[str, str]) -> tuple[float, int, str]:
    """Return the seconds of a command from start to end, its exit code and its output."""
    began = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    return time.perf_counter() - began, done.returncode, done.stdout + done.stderr


class Bench:
    """One project and everybody who is measured on it.

    Args:
        tiny: the project.
    """

    def __init__(self, tiny: TinyProject) -> None:
        self._tiny = tiny
        self._environment = tiny.environment()
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self._python = str(tiny.environments / "core" / "bin" / "python")

    def plain(self) -> float:
        """Return the seconds of one plain run."""
        words = [self._python, "-P", "-m", "pytest", "-q", "-p", "no:greenlane", "tests"]
        return timed(words, self._tiny.path, self._environment)[0]

    def ours(self, *words: str) -> tuple[float, list[str]]:
        """Return the seconds of a search and what it found."""
        command = self._tiny.command("polluter", VICTIM, "--json", *words)
        seconds, code, output = timed(command, self._tiny.path, self._environment)
        assert code == 0, output
        return seconds, json.loads(output[output.index("{") :])["tests"]

    def peer(self) -> tuple[float, str]:
        """Return the seconds of detect-test-pollution, and what it said last; it starts pytest beside itself."""
        words = [
            str(Path(sys.executable).parent / "detect-test-pollution"),
            "--failing-test",
            VICTIM,
            "--tests",
            "tests",
        ]
        environment = {**self._environment, "PYTEST_ADDOPTS": "-p no:greenlane"}
        seconds, _, output = timed(words, self._tiny.path, environment)
        return seconds, (output.strip().splitlines() or [""])[-1]


def one(bench: Bench, tiny: TinyProject, size: int, rounds: int, peer: bool) -> dict[str, float]:
    """Return the medians for one polluter among so many tests."""
    ours, theirs, known = [], [], []
    for number in range(rounds):
        place = int(size * PLACES[number % len(PLACES)])
        make_suite(tiny, size, [place])
        bench.plain()  # compiles
        unit = statistics.median(bench.plain() for _ in range(3))
        seconds, found = bench.ours("--fresh")
        assert found == [f"tests/test_{place // FILE_OF * FILE_OF:04d}.py::test_{place}"], found
        ours.append(seconds / unit)
        if peer:
            theirs.append(bench.peer()[0] / unit)
        tiny.greenlane("lane", "core")  # leaves the evidence of the leak guard
        known.append(bench.ours()[0] / unit)
    return {
        "tests": size,
        "greenlane": statistics.median(ours),
        "worst": max(ours),
        "with evidence": statistics.median(known),
        "detect-test-pollution": statistics.median(theirs) if theirs else float("nan"),
    }


def several(bench: Bench, tiny: TinyProject, size: int, peer: bool) -> None:
    """Print how two and three polluters that are harmful only together are found."""
    for places in ([size // 5, size * 3 // 5], [size // 5, size // 2, size * 4 // 5]):
        make_suite(tiny, size, places)
        bench.plain()
        unit = statistics.median(bench.plain() for _ in range(3))
        seconds, found = bench.ours("--fresh")
        assert len(found) == len(places), found
        said = bench.peer()[1] if peer else "not measured"
        print(f"{len(places)} together among {size}: {seconds / unit:.2f} runs; detect-test-pollution: {said[:70]}")


def main() -> int:
    """Measure and print; 1 when a limit is broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round, the two smaller sizes")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", default="", metavar="FILE")
    options = parser.parse_args()
    sizes, rounds = (options.sizes[:2], 1) if options.quick else (options.sizes, options.rounds)
    probe = subprocess.run([sys.executable, "-c", "import detect_test_pollution"], capture_output=True, check=False)
    peer = probe.returncode == 0
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        (base / "project").mkdir()
        lock = build_wheelhouse(base / "wheels")
        tiny = TinyProject(
            path=base / "project", lock=lock, wheelhouse=base / "wheels", environments=base / "environments"
        )
        tiny.lanes().section("leaks", {"watch": ["shop"]}).test("def test_ok(): pass\n").greenlane("lane", "core")
        bench = Bench(tiny)
        print(f"machine: {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        if not peer:
            print("detect-test-pollution is not installed here and is left out")
        rows = [one(bench, tiny, size, rounds, peer) for size in sizes]
        print("plain runs of the suite that it takes to find one polluter")
        for row in rows:
            print("  ".join(f"{name} {value:.2f}" for name, value in row.items()))
        several(bench, tiny, sizes[0], peer)
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=2))
    return 0 if all(row["greenlane"] <= LIMIT for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
