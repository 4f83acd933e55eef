"""How other people's suites fare: each is run plainly, then adopted by two commands, and what is red is judged.

`python benchmarks/strangers.py [NAME…]` takes names of source distributions that ship their tests, or folders. It
prints for each the tests in every lane, the verdict, the lines on the terminal, time and memory beside plain pytest in
the same environment with as many workers, and whether each red row is known to `strangers.toml`, judged by hand as true
or false. Lane and plain pytest alternate; the processor time of the whole tree is what a loaded machine tells best, and
what `ready` itself costs, on a suite of one test, is taken off.
Needs a package index, and `greenlane[control]` with nox; nothing of the projects is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

HERE = Path(__file__).parent
CORPUS = (
    "attrs", "click", "filelock", "itsdangerous", "markupsafe", "more-itertools", "packaging", "pluggy", "structlog",
    "tenacity", "iniconfig", "anyio", "httpx",
)  # fmt: skip
GREENLANE = (sys.executable, "-P", "-m", "greenlane")
ROW = 300
"""Characters of a red row that are shown, and judged."""

LIMIT = 900.0
"""Seconds that one command may take."""


class Ran(NamedTuple):
    """How a command ended.

    Attributes:
        status: of its exit; output: all of it; seconds: on the clock; cpu: seconds of processor time of its whole tree.
        memory: the most that any of its processes had, MB.
    """

    status: int
    output: str
    seconds: float
    cpu: float
    memory: float


def run(command: Sequence[str], cwd: Path) -> Ran:
    """Run a command and measure it."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ |= {"NOX_SCRIPT_MODE": "none", "NO_COLOR": "1"}
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, cwd=cwd, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    cpu = usage.ru_utime + usage.ru_stime
    return Ran(os.waitstatus_to_exitcode(status), text, time.monotonic() - began, cpu, usage.ru_maxrss / 1024)


def scratch() -> tempfile.TemporaryDirectory[str]:
    """Return a folder for one project; the process that keeps a run's history may still write there when it goes."""
    return tempfile.TemporaryDirectory(prefix="stranger-", ignore_cleanup_errors=True)


def source(name: str, into: Path) -> Path:
    """Return a fresh copy of a project: a folder, or the newest source distribution of a name."""
    if Path(name).is_dir():
        return Path(shutil.copytree(name, into / Path(name).name))
    pip = [found] if (found := shutil.which("pip")) else [sys.executable, "-m", "pip"]
    command = [*pip, "download", "-q", "--no-deps", "--no-binary", name, name, "-d", str(into)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT)
    archives = list(into.glob("*.tar.gz"))
    if not archives:
        raise FileNotFoundError(f"no source distribution: {done.stderr.strip().splitlines()[-1:]}")
    with tarfile.open(archives[0]) as archive:
        archive.extractall(into, filter="data")
    return next(path for path in into.iterdir() if path.is_dir())


def adopt(name: str, expected: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Adopt one project and return what came of it."""
    with scratch() as folder:
        project = source(name, Path(folder))
        tests = digest(project)
        init = run([*GREENLANE, "init", "--yes", *expected.get("words", ())], project)
        found: dict[str, Any] = {"name": name, "init": init}
        if init.status:
            return found
        ready = run([*GREENLANE, "ready"], project)
        verdict: dict[str, Any] = json.loads((project / ".artifacts/verdict.json").read_text())
        core = tomllib.loads((project / "pyproject.toml").read_text())["tool"]["greenlane"]["lanes"]["core"]
        python = str(project / ".nox/greenlane/core/bin/python")
        workers = core.get("workers", 0)
        spread = ["-n", str(workers), "--dist", "worksteal"] if workers else []
        pairs = []
        for _ in range(rounds):
            plain = run([python, "-P", "-m", "pytest", *core["tests"], "-q", *spread], project)
            pairs.append((run([*GREENLANE, "ready", "--fresh"], project), lane_seconds(project), plain))
        return found | {
            "ready": ready, "verdict": verdict, "pairs": pairs, "edited": digest(project) != tests,
            "broken": broken(project), "lines": len(after_progress(ready.output)),
            "placed": next(t for t in init.output.splitlines() if t.startswith("placed: ")),
        }  # fmt: skip


def after_progress(output: str) -> list[str]:
    """Return the lines that a terminal shows after the live progress: from where the reports lie on."""
    lines = output.splitlines()
    return lines[next((number for number, line in enumerate(lines) if line.startswith("reports: ")), 0) :]


def lane_seconds(project: Path) -> float:
    """Return how long the tests of the last run took."""
    result = json.loads((project / ".artifacts/core/lane.json").read_text())["result"]
    return float(result["finished_at"] - result["started_at"])


def floor() -> float:
    """Return the processor time that `ready` takes for a suite of one test, seconds."""
    with scratch() as folder:
        project = Path(folder)
        (project / "test_one.py").write_text("def test_one(): pass\n")
        init = run([*GREENLANE, "init", "--yes"], project)
        if init.status:
            raise SystemExit(f"a suite of one test is not adopted:\n{init.output}")
        python = str(project / ".nox/greenlane/core/bin/python")
        plain = min(run([python, "-P", "-m", "pytest", "-q"], project).cpu for _ in range(3))
        return min(run([*GREENLANE, "ready", "--fresh"], project).cpu for _ in range(3)) - plain


def digest(project: Path) -> dict[str, bytes]:
    """Return every test file of a project."""
    names = (path for path in project.rglob("*.py") if "test" in str(path.relative_to(project)))
    return {str(path): path.read_bytes() for path in names if ".nox" not in path.parts}


def broken(project: Path) -> list[str]:
    """Return a row for each test that the survey found failing always, under plain pytest, too."""
    ledger = project / "greenlane-ledger.toml"
    moves = tomllib.loads(ledger.read_text(encoding="utf-8")).get("move", ()) if ledger.exists() else ()
    return [f"BROKEN {move['test']}" for move in moves if move["lane"] == "broken"]


def reds(verdict: dict[str, Any], broken: Sequence[str], expected: dict[str, Any]) -> list[str]:
    """Return each red row, and each test that is in no lane because it is broken, with its judgement."""
    known = expected.get("reds", {})
    red = (v for v in verdict["violations"] if v["gating"])
    rows = [*dict.fromkeys(f"{v['code']} {v['subject']} {v['cause']}"[:ROW] for v in red), *broken]
    told = []
    for row in rows:
        judged = next((why for pattern, why in known.items() if pattern in row), "NOT JUDGED")
        told.append(f"    {row}: {judged}")
    return told


def show(found: dict[str, Any], expected: dict[str, Any], fixed: float) -> bool:
    """Print one project, its numbers as medians of the rounds; return whether every red row is known."""
    if "ready" not in found:
        init = found["init"]
        print(f"{found['name']}: init ended with {init.status}\n{init.output[-1500:]}", flush=True)
        return False
    lanes, seconds, plains = zip(*found["pairs"], strict=True)
    rows = reds(found["verdict"], found["broken"], expected)
    cpu, plain_cpu = median(lane.cpu - fixed for lane in lanes), median(plain.cpu for plain in plains)
    wall, plain_wall = median(seconds), median(plain.seconds for plain in plains)
    memory, plain_memory = median(lane.memory for lane in lanes), median(plain.memory for plain in plains)
    print(
        f"{found['name']}: {found['placed'].removeprefix('placed: ')}; {found['verdict']['word']}; "
        f"{found['lines']} lines; processor {cpu:.1f} s, plain {plain_cpu:.1f} s ({cpu / plain_cpu:.2f}x); "
        f"clock {wall:.1f} s, plain {plain_wall:.1f} s ({wall / plain_wall:.2f}x); "
        f"memory {memory:.0f} MB, plain {plain_memory:.0f} MB; "
        f"init {found['init'].seconds:.0f} s{'; TESTS WERE EDITED' if found['edited'] else ''}",
        *rows, sep="\n", flush=True,
    )  # fmt: skip
    return not any("NOT JUDGED" in row or ": false" in row for row in rows) and not found["edited"]


def main() -> int:
    """Adopt the corpus; 0 when every red row is a true alarm and no test was edited."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=CORPUS, help="source distributions, or folders")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of runs that are measured (default: 3)")
    arguments = parser.parse_args()
    fixed = floor()
    judged = tomllib.loads((HERE / "strangers.toml").read_text(encoding="utf-8"))
    good = []
    for name in arguments.names:
        expected = judged.get(re.sub(r"-\d.*", "", Path(name).name).replace("_", "-"), {})
        try:
            good.append(show(adopt(name, expected, arguments.rounds), expected, fixed))
        except OSError as error:
            print(f"{name}: {error}", flush=True)
            good.append(False)
    print(f"{sum(good)} of {len(good)} without a false alarm")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
