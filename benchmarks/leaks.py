"""What the guards cost, beside bare pytest, pytest-socket and pytest-hygiene, in one run.

    python benchmarks/leaks.py [--tests 1000] [--rounds 5] [--json FILE]

Each round runs every subject once, in turn, on the same project of trivial tests, so that a slow moment of the machine
hits all of them; the figures are medians of the differences to bare pytest of the same round. Seconds are those that
pytest itself needs for the run of the tests, from the first to the last. Subjects whose plugin is not installed are
left out, and said so.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from greenlane.config.leaks import LeakPolicy
from greenlane.evidence.contract import Contract

MODULES, ATTRIBUTES = 100, 50

LIMITS = {"leak guard": 0.10, "all guards": 0.20}
"""Milliseconds that may be added to each test."""

MEMORY_LIMIT = 30.0
"""Megabytes that may be added to a process."""

START_LIMIT = 20.0
"""Milliseconds that the start of the hermetic guard may take: namespace, hook and proof."""

CLOCK = """
import resource, sys, time
import benchmark_watched


class Clock:
    def pytest_collection_finish(self):
        self.begin = time.perf_counter()

    def pytest_sessionfinish(self):
        seconds = time.perf_counter() - self.begin
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with open(sys.argv[-1] if False else "RESULT", "w") as file:
            file.write(f"{seconds} {peak}")


def pytest_configure(config):
    config.pluginmanager.register(Clock())
"""

LAUNCH = (
    "import os, sys; from greenlane.supervisor.namespace import enter; enter(); os.execv(sys.executable, sys.argv[1:])"
)

START = """
import time
begin = time.perf_counter()
from greenlane.supervisor.namespace import enter
begin = time.perf_counter()
level = enter().level
entered = time.perf_counter() - begin
from greenlane.plugin.network.hermetic import HermeticGuard
from greenlane.plugin.journal import Journal
from greenlane.evidence.contract import Contract
from pathlib import Path
from typing import Any
import msgspec
contract = msgspec.json.decode(Path("contract.json").read_bytes(), type=Contract)
begin = time.perf_counter()
guard = HermeticGuard(contract, Journal(Path("journal.jsonl"), "main"), "main")
guard.start()
print(level, (entered + time.perf_counter() - begin) * 1000)
"""


def build(root: Path, tests: int) -> None:
    """Write a project of trivial tests and a package of many attributes."""
    package = root / "src" / "benchmark_watched"
    package.mkdir(parents=True)
    # As in _pytest, coverage, hypothesis and mypy: of 50 attributes 4 are classes, one a container, and one class
    # has a container; the others are functions, constants and imports.
    forms = ("def a{n}(): pass", "a{n} = {n}", "a{n} = 'text {n}'", "a{n} = object()", "def a{n}(x): return x")
    for number in range(MODULES):
        lines = [forms[n % len(forms)].format(n=n) for n in range(ATTRIBUTES - 5)]
        lines += ["TABLE = {'k': [1]}" if number % 2 else "NAMES = ['a', 'b']"]
        lines += [f"class C{n}:\n    x = {n}\n    def f(self): pass" for n in range(3)]
        lines += ["class D:\n    x = []\n    y = 1"]
        (package / f"m{number}.py").write_text("\n".join(lines) + "\n")
    imports = "\n".join(f"from benchmark_watched import m{n}" for n in range(MODULES))
    (package / "__init__.py").write_text(imports + "\n")
    (root / "tests").mkdir()
    (root / "tests" / "conftest.py").write_text(CLOCK.replace('sys.argv[-1] if False else "RESULT"', '"result"'))
    for file in range(10):
        body = "\n".join(f"def test_{n}():\n    assert True\n" for n in range(tests // 10))
        (root / "tests" / f"test_{file}.py").write_text(body)
    (root / "pytest.ini").write_text("[pytest]\n")


def contract_of(root: Path, **fields: Any) -> Path:
    """Write a contract with the guards that are given."""
    (root / ".artifacts").mkdir(exist_ok=True)
    made = Contract(
        run_id="benchmark", lane="core", kind="deterministic", project=str(root), artifacts=str(root / ".artifacts"),
        arguments=("tests",), tests=("tests",), plugin="0", **fields,
    )  # fmt: skip
    path = root / f"contract-{len(os.listdir(root))}.json"
    path.write_bytes(msgspec.json.encode(made))
    return path


def subjects(root: Path) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Return the command words and variables of each subject that can run here."""
    leaks = LeakPolicy(level="error", watch=("benchmark_watched",))
    off = ["-p", "no:pytest_hygiene", "-p", "no:hygiene", "-p", "no:socket"]
    found: dict[str, tuple[list[str], dict[str, str]]] = {
        "bare pytest": (["-p", "no:greenlane", *off], {}),
        "lane without guards": (off, {"GREENLANE_CONTRACT": str(contract_of(root))}),
        "leak guard": (off, {"GREENLANE_CONTRACT": str(contract_of(root, leaks=leaks))}),
        "all guards": (
            off,
            {"GREENLANE_CONTRACT": str(contract_of(root, leaks=leaks, network=False, hermetic="kernel"))},
        ),
    }
    if find_spec("pytest_socket"):
        found["pytest-socket"] = (["-p", "no:greenlane", "--disable-socket", *off[:4]], {})
    if find_spec("pytest_hygiene"):
        found["pytest-hygiene"] = (["-p", "no:greenlane", "--hygiene", *off[4:]], {})
    return found


def run(root: Path, words: list[str], variables: dict[str, str]) -> tuple[float, float]:
    """Run the tests once and return seconds and peak megabytes."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words, "tests"]
    if "kernel" in Path(variables.get("GREENLANE_CONTRACT", os.devnull)).read_text():
        command = [sys.executable, "-c", LAUNCH, *command]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(root / "src"), **variables}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-3000:]}{done.stderr[-2000:]}")
    seconds, peak = (root / "result").read_text().split()
    return float(seconds), float(peak) / 1024


def start_of_hermetic(root: Path, rounds: int) -> float:
    """Return the median milliseconds of entering a namespace, proving it and installing the hook."""
    contract_of(root, network=False, hermetic="kernel").replace(root / "contract.json")
    times = []
    for _ in range(rounds):
        done = subprocess.run([sys.executable, "-c", START], cwd=root, capture_output=True, text=True, check=True)
        level, milliseconds = done.stdout.split()
        assert level == "kernel", done.stdout
        times.append(float(milliseconds))
    return statistics.median(times)


def measure(tests: int, rounds: int) -> dict[str, dict[str, float]]:
    """Return, by subject, milliseconds added to each test and megabytes added to the process."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        build(root, tests)
        chosen = subjects(root)
        for words, variables in chosen.values():
            run(root, words, variables)  # compiles everything once
        seen: dict[str, list[tuple[float, float]]] = {name: [] for name in chosen}
        for _ in range(rounds):
            for name, (words, variables) in chosen.items():
                seen[name].append(run(root, words, variables))
        bare = seen["bare pytest"]
        result = {
            name: {
                "ms_per_test": statistics.median(s for s, _ in runs) / tests * 1000,
                "added_ms_per_test": statistics.median(s - b for (s, _), (b, _) in zip(runs, bare, strict=True))
                / tests
                * 1000,
                "added_mb": statistics.median(m - b for (_, m), (_, b) in zip(runs, bare, strict=True)),
            }
            for name, runs in seen.items()
        }
        base = seen["lane without guards"]
        for name in ("leak guard", "all guards"):
            pairs = zip(seen[name], base, strict=True)
            result[name]["added_to_lane_ms"] = statistics.median(s - b for (s, _), (b, _) in pairs) / tests * 1000
        result["hermetic start"] = {"ms": start_of_hermetic(root, rounds)}
        return result


def main() -> int:
    """Measure, print a table, and return 1 when a limit is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = measure(options.tests, options.rounds)
    start = result["hermetic start"]["ms"]
    print(f"{'subject':<22}{'ms/test':>9}{'added ms/test':>15}{'over the lane':>15}{'added MB':>10}")
    for name, row in result.items():
        if "ms_per_test" in row:
            over = f"{row['added_to_lane_ms']:.3f}" if "added_to_lane_ms" in row else ""
            print(
                f"{name:<22}{row['ms_per_test']:>9.3f}{row['added_ms_per_test']:>15.3f}{over:>15}{row['added_mb']:>10.1f}"
            )
    for name in ("pytest-socket", "pytest-hygiene"):
        if name not in result:
            print(f"{name:<22}not installed")
    print(f"hermetic start {start:.1f} ms")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2))
    broken = [f"{name} {result[name]['added_to_lane_ms']:.3f} ms" for name, limit in LIMITS.items()
              if result[name]["added_to_lane_ms"] > limit]  # fmt: skip
    broken += [f"hermetic start {start:.1f} ms"] * (start > START_LIMIT)
    broken += [f"memory {result['all guards']['added_mb']:.1f} MB"] * (result["all guards"]["added_mb"] > MEMORY_LIMIT)
    print("limits broken: " + ", ".join(broken) if broken else "all limits held")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
