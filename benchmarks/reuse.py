"""Is evidence that is used again ever stale, and what does it save? Generated changes, judged from scratch as well.

Run it with `nox -s bench -- reuse --changes 1000`. A sample project is changed again and again; after each change
`ready` may use what it kept. Where it does, `ready --fresh` runs the lane, and both verdicts must agree.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIG = """\
[tool.greenlane]
history = { enabled = false }

[tool.greenlane.lanes.core]
kind = "deterministic"
tests = ["tests"]
test_timeout = %d
env = ["FLAVOUR"]
inputs = ["data/**", "vendor/**", "generated.cfg"]
"""
TEST = """\
import os, pathlib, subprocess

def test_contents():
    for path in sorted(pathlib.Path("data").rglob("*")):
        assert path.is_dir() or not path.exists() or "bad" not in path.read_text(), path

def test_listing():
    assert not [name for name in os.listdir("data") if name.startswith("bad")]

def test_existence():
    assert os.path.exists("data/needed.txt") and not os.path.exists("docs")

def test_link():
    assert os.readlink("data/link") != "bad"

def test_subprocess():
    assert "bad" not in subprocess.run(["cat", "data/sub/read.txt"], capture_output=True, text=True).stdout

def test_submodule():
    assert "bad" not in pathlib.Path("vendor/lib/version.txt").read_text()

def test_ignored_and_generated():
    assert "bad" not in pathlib.Path("generated.cfg").read_text()

def test_variable():
    assert os.environ.get("FLAVOUR") != "bad"
"""
Change = Callable[[Path, random.Random], object]


def word(draw: random.Random) -> str:
    """Return a text that is bad once in three."""
    return draw.choice(["bad", f"good {draw.randrange(10)}", f"fine {draw.randrange(10)}"]) + "\n"


def toggle(path: Path, text: str) -> None:
    """Remove a file, or write it where it is not."""
    if path.exists():
        path.unlink()
    else:
        path.write_text(text)


def fold(path: Path) -> None:
    """Remove an empty folder, or make it where it is not."""
    if path.exists():
        path.rmdir()
    else:
        path.mkdir()


def fill(folder: Path, text: str) -> None:
    """Write a file into a folder of its own."""
    folder.mkdir(exist_ok=True)
    (folder / "x").write_text(text)


def relink(path: Path, target: str) -> None:
    """Let a link lead elsewhere."""
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def git(project: Path, *words: str) -> None:
    """Run git quietly."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *identity, *words], cwd=project, check=True, capture_output=True)


SEEN: dict[str, Change] = {
    "content": lambda p, d: (p / f"data/{d.choice('abc')}.txt").write_text(word(d)),
    "name": lambda p, d: toggle(p / f"data/{d.choice(['bad', 'fine'])}-name.txt", "x\n"),
    "an empty folder": lambda p, d: fold(p / f"data/{d.choice(['bad', 'fine'])}-folder"),
    "existence": lambda p, _: toggle(p / "data/needed.txt", "x\n"),
    "conftest": lambda p, d: toggle(p / "tests/conftest.py", d.choice(["raise RuntimeError\n", "X = 1\n"])),
    "test": lambda p, d: (p / "tests/test_more.py").write_text(f"def test_more():\n    assert {d.randrange(3)}\n"),
    "configuration": lambda p, d: (p / "pyproject.toml").write_text(CONFIG % (30 + d.randrange(3))),
    "link": lambda p, d: relink(p / "data/link", d.choice(["bad", "a.txt", "b.txt"])),
    "subprocess": lambda p, d: (p / "data/sub/read.txt").write_text(word(d)),
    "submodule": lambda p, d: (p / "vendor/lib/version.txt").write_text(word(d)),
    "ignored": lambda p, d: (p / "generated.cfg").write_text(word(d)),
    "a cache": lambda p, d: fill(p / "data/__pycache__", word(d)),
    "mode": lambda p, d: (p / "data/a.txt").chmod(d.choice([0o644, 0o755])),
    "lock": lambda p, d: (p / "locks/core.txt").open("a").write("# " + word(d)) if not d.randrange(8) else None,
}  # fmt: skip
"""What the lane can see."""

UNSEEN: dict[str, Change] = {
    "documentation": lambda p, d: (p / "docs/page.md").write_text(word(d)),
    "touched": lambda p, _: (p / "data/a.txt").touch(),
    "committed": lambda p, _: git(p, "commit", "-qam", "x", "--allow-empty"),
    "a cache beside": lambda p, d: fill(p / ".tox", word(d)),
    "a file beside": lambda p, d: (p / f"notes{d.randrange(3)}.txt").write_text(word(d)),
    "a branch": lambda p, d: git(p, "branch", "-f", f"b{d.randrange(3)}"),
}  # fmt: skip
"""What it cannot: harmless."""


def write_files(folder: Path) -> None:
    """Write the sample project, with a repository inside it and this project's own release lock."""
    for name in ("tests", "locks", "data/sub", "vendor/lib", "docs"):
        (folder / name).mkdir(parents=True)
    files = {
        "pyproject.toml": CONFIG % 30, "tests/test_it.py": TEST, "data/a.txt": "good\n", "data/b.txt": "good\n",
        "data/c.txt": "good\n", "data/needed.txt": "x\n", "data/sub/read.txt": "good\n", "docs/page.md": "good\n",
        "vendor/lib/version.txt": "1\n", "generated.cfg": "good\n",
        ".gitignore": "generated.cfg\n.artifacts/\n.nox/\n.greenlane/\nPROJECT_READY.md\n__pycache__/\n",
        "locks/core.txt": (ROOT / "locks" / "release.txt").read_text(),
    }  # fmt: skip
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "data/link").symlink_to("a.txt")
    git(folder / "vendor/lib", "init", "-q")
    git(folder / "vendor/lib", "add", "--all")
    git(folder / "vendor/lib", "commit", "-qm", "x")
    git(folder, "init", "-q")
    git(folder, "add", "--all")
    git(folder, "commit", "-qm", "x")


def mend(folder: Path) -> None:
    """Put every file back as it was at first, so that the next change begins at green."""
    for path in ("data", "tests", "vendor", "docs"):
        shutil.rmtree(folder / path)
    for file in (*folder.glob("notes*.txt"), folder / "generated.cfg"):
        file.unlink(missing_ok=True)
    for path in (".git", ".gitignore", "locks"):
        shutil.rmtree(folder / path, ignore_errors=True)
    write_files(folder)


def ready(folder: Path, flavour: str, *words: str) -> tuple[float, dict[str, object]]:
    """Run `greenlane ready`; return the seconds that it took, and what its verdict says of the lane."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "FLAVOUR": flavour}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    command = [sys.executable, "-P", "-m", "greenlane", "ready", *words]
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    seconds = time.perf_counter() - began
    verdict = json.loads((folder / ".artifacts/verdict.json").read_text())
    (check,) = verdict["checks"]
    failed = sorted(violation["subject"] for violation in verdict["violations"])
    return seconds, {"ready": not verdict["violations"], "failed": failed, "reused": check.get("reused", False)}


def main() -> None:
    """Change, compare, print; exit 1 for a stale green."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    words = parser.parse_args()
    draw = random.Random(words.seed)
    stale, reused, harmless = [], Counter[str](), Counter[str]()
    taken: list[float] = []
    run: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "sample"
        folder.mkdir()
        write_files(folder)
        green = bool(ready(folder, "sweet")[1]["ready"])
        for number in range(words.changes):
            pool = UNSEEN if draw.random() < 0.5 else SEEN
            kind = draw.choice(sorted(pool))
            pool[kind](folder, draw)
            flavour = draw.choice(["bad", "sweet", "sweet", "sweet"]) if pool is SEEN else "sweet"
            seconds, verdict = ready(folder, flavour)
            # Red is never kept: where the state before was red, there is nothing to use again.
            if pool is UNSEEN and green:
                harmless[kind] += 1
            (taken if verdict["reused"] else run).append(seconds)
            if verdict["reused"]:
                reused[kind] += 1
                fresh = ready(folder, flavour, "--fresh")[1]
                if fresh["failed"] != verdict["failed"]:
                    stale.append((number, kind, fresh["failed"]))
            green = bool(verdict["ready"])
            if not green:
                mend(folder)
                green = bool(ready(folder, "sweet")[1]["ready"])
    kept = sum(reused[kind] for kind in UNSEEN)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, seed {words.seed}")
    print(f"changes {words.changes}, reused after {sum(reused.values())}, stale {len(stale)}")
    print(f"harmless {sum(harmless.values())}, of these reused {kept} ({kept / max(1, sum(harmless.values())):.0%})")
    print(f"median seconds: reused {statistics.median(taken):.2f}, run {statistics.median(run):.2f}")
    for entry in stale:
        print("STALE", *entry)
    sys.exit(bool(stale))


if __name__ == "__main__":
    main()
