"""How often the tests that need a real model are red: `python benchmarks/real_model.py [--runs 20]`.

A clone of the last commit, whose nd lane holds what stands beside the model alone (`tests/smoke_nd/variance` and
`tests/smoke_nd/test_real_model.py`, both shards, with the model and the gateway as services), is run so many times in a
row, each by `greenlane lane nd` with a seed of its own. A row a run, then the rate of every sampled test over all of
them, how often its check would be red by chance at that rate, and whatever else failed.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

from greenlane.judge.binomial import too_few
from greenlane.judge.samples import declarations

ROOT = Path(__file__).resolve().parents[1]
TESTS = '["tests/smoke_nd/variance", "tests/smoke_nd/test_real_model.py"]'
SERVICES = ("model", "gateway")
_SAMPLE = re.compile(r"(.*)\[(?:.*-)?sample\d+\]")


def narrowed(text: str) -> str:
    """Return the configuration with nothing in nd but the tests of the model, and no service that they do not need."""
    kept = []
    for part in re.split(r"(?m)^(?=\[)", text):
        service = re.match(r"\[tool\.greenlane\.services\.([\w-]+)\]", part)
        if part.startswith("[tool.greenlane.lanes.nd]"):
            tests = re.sub(r"(?m)^tests = .*$", f"tests = {TESTS}", part)
            kept.append(re.sub(r"(?m)^services = .*$", f"services = {json.dumps(SERVICES)}", tests))
        elif service is None or service[1] in SERVICES:
            kept.append(part)
    return "".join(kept)


def outcomes(project: Path) -> dict[str, list[bool]]:
    """Return of each test, its samples together, which passed."""
    found: dict[str, list[bool]] = collections.defaultdict(list)
    for file in (project / ".artifacts" / "nd").glob("*/junit.xml"):
        for case in ElementTree.parse(file).iter("testcase"):
            name = case.get("name", "")
            sample = _SAMPLE.fullmatch(name)
            passed = case.find("failure") is None and case.find("error") is None
            found[f"{sample[1]} (samples)" if sample else name].append(passed)
    return found


def declared() -> dict[str, tuple[int, int]]:
    """Return how many samples a test has and how many must pass, by its name."""
    suite = ROOT / "tests" / "smoke_nd"
    files = [*(suite / "variance").glob("test_*.py"), suite / "test_real_model.py"]
    marks = [mark for file in files for mark in declarations(file.name, file.read_bytes())]
    return {mark.test.rpartition("::")[2]: (mark.n, mark.at_least) for mark in marks}


def main() -> None:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="how many in a row (default: 20)")
    runs = parser.parse_args().runs
    rates: dict[str, list[bool]] = collections.defaultdict(list)
    green = 0
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        pyproject = clone / "pyproject.toml"
        pyproject.write_text(narrowed(pyproject.read_text(encoding="utf-8")), encoding="utf-8")
        # A process that stores a run would still be writing where the last one has ended.
        with pyproject.open("a", encoding="utf-8") as file:
            file.write("\n[tool.greenlane.history]\nenabled = false\n")
        command = [sys.executable, "-m", "greenlane", "lane", "nd", "--project", str(clone)]
        for run in range(1, runs + 1):
            began, load = time.monotonic(), os.getloadavg()[0]
            done = subprocess.run(
                command, env={**os.environ, "ND_REAL": "1"}, capture_output=True, text=True, check=False
            )
            green += done.returncode == 0
            word = "green" if done.returncode == 0 else f"red ({done.returncode})"
            print(f"{run:3}  {word:8} {time.monotonic() - began:6.0f} s  load {load:.1f}", flush=True)
            for line in done.stdout.splitlines():
                if line.startswith("VIOLATION") or (done.returncode and "RED_BY_CHANCE" in line):
                    print(f"       {line}", flush=True)
            for name, passed in outcomes(clone).items():
                rates[name] += passed
    print(f"{green} of {runs} green")
    marks = declared()
    for name, passed in sorted(rates.items()):
        if name.endswith(" (samples)"):
            test = name.removesuffix(" (samples)")
            n, needed = marks[test]
            chance = too_few(needed, n, sum(passed) / len(passed))
            print(f"{sum(passed):4} of {len(passed):4}  red by chance {chance:.2%}  {test}, {needed} of {n}")
        elif not all(passed):
            print(f"{len(passed) - sum(passed)} failures of {len(passed)}  {name}")


if __name__ == "__main__":
    main()
