"""A sample project, and changes of it: what a hermetic lane can see of it, and what it cannot."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

OURS = (".artifacts", ".greenlane", ".nox", ".tox", ".testmondata", ".pytest_cache")
"""What runs leave behind: no part of the project."""

CONFIG = """\
[tool.greenlane]
history = { enabled = false }

[tool.greenlane.lanes.core]
kind = "deterministic"
tests = ["tests"]
test_timeout = 30
env = ["FLAVOUR"]
inputs = ["data/**", "vendor/**", "generated.cfg", "ignored.cfg"]
"""
TEST = """\
import importlib.metadata, os, pathlib, subprocess, sys

def test_contents():
    for path in sorted(pathlib.Path("data").rglob("*")):
        assert path.is_dir() or not path.exists() or "bad" not in path.read_text(), path

def test_listing():
    assert not [name for name in os.listdir("data") if name.startswith("bad")]

def test_existence():
    assert os.path.exists("data/needed.txt")

def test_name():
    assert not os.path.exists("data/moved.txt") or "good" in open("data/moved.txt").read()

def test_link():
    assert os.readlink("data/link") != "bad"

def test_mode():
    assert not os.access("data/sub/program", os.X_OK)

def test_subprocess():
    assert "bad" not in subprocess.run(["cat", "data/sub/read.txt"], capture_output=True, text=True).stdout

def test_submodule():
    assert "bad" not in pathlib.Path("vendor/lib/version.txt").read_text()

def test_ignored_and_generated():
    assert "bad" not in pathlib.Path("generated.cfg").read_text() + pathlib.Path("ignored.cfg").read_text()

def test_variable():
    assert os.environ.get("FLAVOUR") != "bad"

def test_lock():
    assert importlib.metadata.version("iniconfig") != "2.0.0"

def test_interpreter():
    assert sys.version_info[:2] != (3, 12)

def test_configuration(pytestconfig):
    assert pytestconfig.getini("minversion") != "1.1"
"""


@dataclass
class Sample:
    """A sample project in a folder of its own.

    Attributes:
        path: the folder; pristine: a copy of it as it was at first.
        locks: content of the lane's lock, and of one with another version of a package.
        environment: variables that its tests see.
    """

    path: Path
    pristine: Path
    locks: tuple[str, str]
    environment: dict[str, str] = field(default_factory=lambda: {"FLAVOUR": "sweet"})

    def write(self) -> None:
        """Write the project, with a submodule, and remember it."""
        library = self.path.with_name("library")
        library.mkdir()
        git(library, "init", "-q")
        (library / "version.txt").write_text("1\n")
        git(library, "add", "--all")
        git(library, "commit", "-qm", "x")
        for name in ("tests", "locks", "data/sub", "vendor", "docs"):
            (self.path / name).mkdir(parents=True)
        files = {
            "pyproject.toml": CONFIG, "tests/test_it.py": TEST, "data/a.txt": "good\n", "data/b.txt": "good\n",
            "data/c.txt": "good\n", "data/needed.txt": "x\n", "data/sub/read.txt": "good\n", "docs/page.md": "good\n",
            "data/sub/program": "good\n", "generated.cfg": "good\n", "ignored.cfg": "good\n",
            ".gitignore": "ignored.cfg\n.artifacts/\n.nox/\n.greenlane/\nPROJECT_READY.md\n__pycache__/\n",
            "locks/core.txt": self.locks[0],
        }  # fmt: skip
        for name, text in files.items():
            (self.path / name).write_text(text)
        (self.path / "data/link").symlink_to("a.txt")
        git(self.path, "init", "-q")
        git(self.path, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "vendor/lib")
        git(self.path, "add", "--all")
        git(self.path, "commit", "-qm", "x")
        shutil.copytree(self.path, self.pristine, symlinks=True)

    def mend(self) -> None:
        """Put everything back as it was at first, so that the next change begins at green."""
        for path in self.path.iterdir():
            if path.name not in OURS:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        shutil.copytree(self.pristine, self.path, symlinks=True, dirs_exist_ok=True)
        self.environment = {"FLAVOUR": "sweet"}

    def text(self, name: str, text: str) -> None:
        """Write a file."""
        (self.path / name).write_text(text)

    def toggle(self, name: str, text: str) -> None:
        """Remove a file, or write it where it is not."""
        path = self.path / name
        path.unlink() if path.exists() else path.write_text(text)

    def fold(self, name: str) -> None:
        """Remove an empty folder, or make it where it is not."""
        path = self.path / name
        path.rmdir() if path.exists() else path.mkdir()

    def fill(self, name: str, text: str) -> None:
        """Write a file into a folder of its own."""
        (self.path / name).mkdir(exist_ok=True)
        (self.path / name / "x").write_text(text)

    def move(self, name: str, *others: str) -> None:
        """Give a file the first of other names, or, where it has one of these, its own back."""
        here = self.path / name
        taken = next((path for other in others if (path := self.path / other).exists()), None)
        taken.rename(here) if taken else here.rename(self.path / others[0])

    def relink(self, name: str, target: str) -> None:
        """Let a link lead elsewhere."""
        (self.path / name).unlink(missing_ok=True)
        (self.path / name).symlink_to(target)

    def submodule(self, text: str) -> None:
        """Commit something in the submodule."""
        self.text("vendor/lib/version.txt", text)
        git(self.path / "vendor/lib", "commit", "-qam", "x", "--allow-empty")

    def configure(self, more: str) -> None:
        """Add to the configuration."""
        self.text("pyproject.toml", CONFIG + more)


def git(project: Path, *words: str) -> None:
    """Run git quietly."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *identity, *words], cwd=project, check=True, capture_output=True)


def word(draw: random.Random) -> str:
    """Return a text that is bad once in three."""
    return draw.choice(["bad", f"good {draw.randrange(10)}", f"fine {draw.randrange(10)}"]) + "\n"


def name(draw: random.Random) -> str:
    """Return a name that is bad once in two."""
    return draw.choice(["bad", "fine"])


def compile_lock(folder: Path, iniconfig: str = "") -> str:
    """Return a lock of what a lane needs, with a version of one package."""
    wanted = f"msgspec\npytest\npytest-timeout\npytest-xdist\niniconfig{iniconfig}\n"
    words = ["uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-header", "-"]
    done = subprocess.run(words, cwd=folder, input=wanted, check=True, capture_output=True, text=True)
    return done.stdout


Change = Callable[[Sample, random.Random], object]
SEEN: Mapping[str, Change] = {
    "contents": lambda s, d: s.text(f"data/{d.choice('abc')}.txt", word(d)),
    "a rename": lambda s, d: s.move("data/c.txt", *d.sample(["data/moved.txt", "data/needless.txt"], 2)),
    "a deletion": lambda s, d: (s.path / d.choice(["data/needed.txt", "data/b.txt"])).unlink(missing_ok=True),
    "a listing": lambda s, d: s.toggle(f"data/{name(d)}-name.txt", "x\n"),
    "a listing of folders": lambda s, d: s.fold(f"data/{name(d)}-folder"),
    "an existence check": lambda s, _: s.toggle("data/needed.txt", "x\n"),
    "a conftest": lambda s, d: s.toggle("tests/conftest.py", d.choice(["raise RuntimeError\n", "X = 1\n"])),
    "a test": lambda s, d: s.text("tests/test_more.py", f"def test_more():\n    assert {d.randrange(3)}\n"),
    "configuration of the lane": lambda s, d: s.configure(f"# {d.randrange(3)}\nbudget = {60 + d.randrange(3)}\n"),
    "configuration of pytest": lambda s, d: s.configure(
        f'\n[tool.pytest.ini_options]\nminversion = "{d.choice(["1.1", "1.2"])}"\n'
    ),
    "environment": lambda s, d: s.environment.update(FLAVOUR=d.choice(["bad", "sour", "salty"])),
    "a symlink": lambda s, d: s.relink("data/link", d.choice(["bad", "a.txt", "b.txt"])),
    "read by a subprocess": lambda s, d: s.text("data/sub/read.txt", word(d)),
    "a submodule": lambda s, d: s.submodule(word(d)),
    "an ignored file": lambda s, d: s.text("ignored.cfg", word(d)),
    "a generated file": lambda s, d: s.text("generated.cfg", word(d)),
    "a cache": lambda s, d: s.fill("data/__pycache__", word(d)),
    "a mode": lambda s, d: (s.path / "data/sub/program").chmod(d.choice([0o644, 0o755])),
}
"""What the lane can see."""

DEAR: Mapping[str, Change] = {
    "the lock": lambda s, d: s.text("locks/core.txt", d.choice([s.locks[1], s.locks[0] + f"# {d.randrange(9)}\n"])),
    "the interpreter": lambda s, _: s.configure('python = "3.12"\n'),
}
"""What it can see, and what means another environment."""

UNSEEN: Mapping[str, Change] = {
    "documentation": lambda s, d: s.text("docs/page.md", word(d)),
    "a time stamp": lambda s, _: (s.path / "data/a.txt").touch(),
    "a commit": lambda s, _: git(s.path, "commit", "-qam", "x", "--allow-empty"),
    "a branch": lambda s, d: git(s.path, "branch", "-f", f"b{d.randrange(3)}"),
    "a cache beside": lambda s, d: s.fill(".mypy_cache", word(d)),
    "a file beside": lambda s, d: s.text(f"notes{d.randrange(3)}.txt", word(d)),
    "a variable that it is not let see": lambda s, d: s.environment.update(OTHER=word(d)),
}
"""What it cannot: harmless."""
