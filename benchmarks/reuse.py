"""Is evidence that is used again ever stale, and what does it save? Generated changes, judged from scratch as well.

Run it with `nox -s bench -- reuse --changes 1000`. A sample project is changed again and again; after each change
`ready` may use what it kept. Where it does, `ready --fresh` runs the lane, and both verdicts must agree. With
`--peers N`, N more changes are judged by tox and by pytest with testmon as well, each held against plain pytest.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from changes import DEAR, SEEN, UNSEEN, Change, Sample, compile_lock

ROOT = Path(__file__).resolve().parents[1]
TOX = """\
[tox]
skipsdist = true
[testenv]
skip_install = true
deps = pytest
passenv = FLAVOUR
commands = pytest -q -p no:cacheprovider tests
"""


def environment_of(sample: Sample) -> dict[str, str]:
    """Return what a command sees."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **sample.environment, "PYTHONPATH": str(ROOT / "src")}


def fork(command: list[str], sample: Sample) -> None:
    """Run `greenlane WORDS…` in a fork of this process, which has imported it, and wait for its end."""
    from greenlane.cli.main import main

    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    with open(sample.path.with_name("output.txt"), "ab") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    os.chdir(sample.path)
    environment = environment_of(sample)
    os.environ.clear()
    os.environ.update(environment)
    try:
        main(command)
    finally:
        os._exit(0)


def ready(sample: Sample, *words: str) -> tuple[float, dict[str, object]]:
    """Run `greenlane ready`; return the seconds that it took, and what its verdict says of the lane."""
    report = sample.path / ".artifacts/verdict.json"
    report.unlink(missing_ok=True)
    began = time.perf_counter()
    fork(["ready", *words], sample)
    seconds = time.perf_counter() - began
    if not report.exists():
        said = sample.path.with_name("output.txt").read_text(errors="replace").splitlines()
        raise SystemExit("greenlane ready came to no verdict:\n" + "\n".join(said[-20:]))
    verdict = json.loads(report.read_text())
    (check,) = verdict["checks"]
    failed = sorted({violation["subject"] or violation["code"] for violation in verdict["violations"]})
    return seconds, {"failed": failed, "reused": check.get("reused", False)}


class Tally:
    """What came of the changes."""

    def __init__(self) -> None:
        self.tried, self.reused, self.red = Counter[str](), Counter[str](), Counter[str]()
        self.stale: list[tuple[object, ...]] = []
        self.taken: list[float] = []
        self.run: list[float] = []

    def told(self) -> list[str]:
        """Return the figures as lines."""
        harmless, kept = sum(self.tried[kind] for kind in UNSEEN), sum(self.reused[kind] for kind in UNSEEN)
        lines = [
            f"changes {self.tried.total()}, red {self.red.total()}, reused after {self.reused.total()}, "
            f"stale {len(self.stale)}",
            f"harmless {harmless}, of these reused {kept} ({kept / max(1, harmless):.0%})",
            f"median seconds: reused {_median(self.taken)}, run {_median(self.run)}",
            "tried / red / reused by kind:",
        ]
        lines += [f"  {self.tried[k]:4} {self.red[k]:4} {self.reused[k]:4}  {k}" for k in (*SEEN, *DEAR, *UNSEEN)]
        return [*lines, *(f"STALE {entry}" for entry in self.stale)]


def _median(values: list[float]) -> str:
    """Return the middle of values, or a dash."""
    return f"{statistics.median(values):.2f}" if values else "-"


def draw_change(draw: random.Random) -> tuple[str, Change]:
    """Return a kind of change: as many harmless ones as others, and few that build an environment."""
    chance = draw.random()
    pool: Mapping[str, Change] = UNSEEN if chance < 0.5 else DEAR if chance < 0.53 else SEEN
    kind = draw.choice(sorted(pool))
    return kind, pool[kind]


def changed(sample: Sample, draw: random.Random, tally: Tally, number: int) -> None:
    """Make one change of a green project, and judge what `ready` says of it; leave the project green."""
    kind, change = draw_change(draw)
    change(sample, draw)
    seconds, verdict = ready(sample)
    tally.tried[kind] += 1
    (tally.taken if verdict["reused"] else tally.run).append(seconds)
    if verdict["reused"]:
        tally.reused[kind] += 1
        fresh = ready(sample, "--fresh")[1]
        if fresh["failed"] != verdict["failed"]:
            tally.stale.append((number, kind, fresh["failed"]))
            verdict = fresh
    if verdict["failed"]:
        tally.red[kind] += 1
        sample.mend()
        assert not ready(sample)[1]["failed"], "the sample project is not green as it was written"


class Peers:
    """tox and pytest with testmon, in environments of their own.

    Args:
        folder: where these are made.
    """

    def __init__(self, folder: Path) -> None:
        self._bin = folder / "peers/bin"
        subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, str(folder / "peers")], check=True)
        wanted = ["tox", "pytest", "pytest-testmon"]
        subprocess.run(
            ["uv", "pip", "install", "--quiet", "--python", str(self._bin / "python"), *wanted], check=True
        )  # fmt: skip

    def run(self, sample: Sample, *words: str) -> tuple[float, int]:
        """Run a program of theirs; return seconds and exit code."""
        environment = {name: value for name, value in environment_of(sample).items() if name != "PYTHONPATH"}
        began = time.perf_counter()
        done = subprocess.run(
            [str(self._bin / words[0]), *words[1:]], cwd=sample.path, env=environment, capture_output=True, check=False
        )  # fmt: skip
        return time.perf_counter() - began, done.returncode

    def compare(self, sample: Sample, changes: int, draw: random.Random) -> None:
        """Have everybody judge the same changes, and print how long each took and how often it was wrong."""
        (sample.path / "tox.ini").write_text(TOX)
        plain = ("pytest", "-q", "-p", "no:cacheprovider", "tests")
        ways = {
            "plain pytest": plain, "tox": ("tox", "-q"), "pytest --testmon": (*plain, "--testmon"),
        }  # fmt: skip
        seconds: dict[str, list[float]] = {name: [] for name in (*ways, "greenlane ready")}
        stale = Counter[str]()
        for _ in range(changes):
            kind, change = draw_change(draw)
            if kind in DEAR:
                continue
            change(sample, draw)
            codes = {}
            for name, words in ways.items():
                taken, codes[name] = self.run(sample, *words)
                seconds[name].append(taken)
            taken, verdict = ready(sample)
            seconds["greenlane ready"].append(taken)
            truth = codes["plain pytest"] == 0
            green = {**{name: code in (0, 5) for name, code in codes.items()}, "greenlane ready": not verdict["failed"]}
            stale.update(f"{name} after {kind}" for name, found in green.items() if found and not truth)
            if not truth:
                sample.mend()
                (sample.path / "tox.ini").write_text(TOX)
                self.run(sample, *ways["pytest --testmon"])
        for name, each in seconds.items():
            print(f"{name}: median {_median(each)} s, mean {statistics.mean(each):.2f} s")
        print("green where plain pytest is red:", dict(stale) or "nobody")


def main() -> None:
    """Change, compare, print; exit 1 for a stale green."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=100)
    parser.add_argument("--peers", type=int, default=0, help="changes that tox and testmon judge, too")
    parser.add_argument("--seed", type=int, default=0)
    words = parser.parse_args()
    sys.path.insert(0, str(ROOT / "src"))
    # Before the first fork, so that none has to import it.
    importlib.import_module("greenlane.cli.ready")
    draw, tally = random.Random(words.seed), Tally()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, seed {words.seed}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sample = Sample(
            path=folder / "sample", pristine=folder / "pristine",
            locks=(compile_lock(folder), compile_lock(folder, "==2.0.0")),
        )  # fmt: skip
        sample.path.mkdir()
        sample.write()
        assert not ready(sample)[1]["failed"], (folder / "output.txt").read_text()
        if words.peers:
            Peers(folder).compare(sample, words.peers, draw)
            sample.mend()
            (sample.path / "tox.ini").unlink(missing_ok=True)
            ready(sample)
        for number in range(words.changes):
            changed(sample, draw, tally, number)
            if number % 50 == 49:
                print(f"{number + 1}: {tally.told()[0]}; {tally.told()[1]}", file=sys.stderr, flush=True)
    print("\n".join(tally.told()))
    sys.exit(bool(tally.stale))


if __name__ == "__main__":
    main()
