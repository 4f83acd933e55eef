"""Tiny projects with lanes of their own, run as users run them: a command, an exit code, output, files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.warm import WarmCommands

NOXFILE = """\
from greenlane.nox_sessions import register_lanes

register_lanes(__file__)
"""

CORE = {"kind": "deterministic", "tests": ["tests"], "test_timeout": 20}
ADDRESS = {
    "variable": "MINI_AGENT_API_BASE", "host_variable": "MINI_AGENT_API_HOST", "port_variable": "MINI_AGENT_API_PORT",
    "same": ["CODEX_AGENT_API_BASE"],
}  # fmt: skip
"""The variables of the one base, for a project that has one."""
ROUTER = {
    "variable": "LITELLM_ROUTER_CONFIG", "group_variable": "ROUTER_MODEL_GROUP", "groups": ["codex-agent-1"],
}  # fmt: skip
"""The router guard, for a project that has one."""


@dataclass(frozen=True)
class Ran:
    """How a command ended: exit code, what it printed, and the verdict that it wrote (empty for none)."""

    code: int
    output: str
    verdict: dict[str, Any]

    @property
    def codes(self) -> set[str]:
        """The codes of the violations."""
        return {violation["code"] for violation in self.verdict.get("violations", ())}

    def message(self, code: str) -> str:
        """Return the messages of the violations with a code."""
        return "\n".join(v["message"] for v in self.verdict["violations"] if v["code"] == code)


def toml(value: object) -> str:
    """Return a value as TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


def copy_environment(environment: Path, into: Path) -> None:
    """Make a lane environment of another one by links, in no time: whoever changes a file in it must replace it."""
    shutil.copytree(environment, into, symlinks=True, copy_function=os.link)


@dataclass
class TinyProject:
    """A project in a folder of its own.

    Args:
        path: the folder.
        lock: content of every lane's lock.
        wheelhouse: where installers find wheels.
        environments: folder of the lane environments; shared by projects that install the same.
        warm: who starts commands without their imports; None starts each from scratch.
    """

    path: Path
    lock: str
    wheelhouse: Path
    environments: Path
    sections: dict[str, Any] = field(default_factory=dict)
    warm: WarmCommands | None = None

    def lanes(self, **lanes: dict[str, Any]) -> TinyProject:
        """Declare lanes; with no word, a `core` lane with default options."""
        self.sections["lanes"] = lanes or {"core": CORE}
        for name in self.sections["lanes"]:
            self.write(f"locks/{name}.txt", self.lock)
        return self._configure()

    def section(self, name: str, value: object) -> TinyProject:
        """Declare another section of the configuration."""
        self.sections[name] = value
        return self._configure()

    def _configure(self) -> TinyProject:
        lines = ["[tool.greenlane]"]
        # Who wants a history says so: a process that stores one would outlive the test.
        sections = {"environments": str(self.environments), "history": {"enabled": False}, **self.sections}
        lines += [f"{key} = {toml(value)}" for key, value in sections.items()]
        return self.write("pyproject.toml", "\n".join(lines) + "\n")

    def write(self, name: str, text: str) -> TinyProject:
        """Write a file, dedented."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text), encoding="utf-8")
        return self

    def test(self, body: str, name: str = "tests/test_it.py") -> TinyProject:
        """Write a test file."""
        return self.write(name, body)

    def environment(self, **extra: str) -> dict[str, str]:
        """Return the environment of a command: what an installation needs, and what a test adds."""
        kept = {name: os.environ[name] for name in ("HOME", "TMPDIR") if name in os.environ}
        path = os.pathsep.join((str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"))
        offline = {
            "UV_NO_INDEX": "1",
            "UV_FIND_LINKS": str(self.wheelhouse),
            "UV_OFFLINE": "1",
            "UV_COMPILE_BYTECODE": "0",
        }
        # Tests share files by hard links: copying is what the product does, and what takes the time.
        return {
            **kept,
            **offline,
            "PATH": path,
            "UV_LINK_MODE": "hardlink",
            "PYTHONDONTWRITEBYTECODE": "1",
            **extra,
        }

    def command(self, *words: str) -> list[str]:
        """Return a `greenlane` command line."""
        return [sys.executable, "-P", "-m", "greenlane", words[0], "--project", str(self.path), *words[1:]]

    def greenlane(self, *words: str, **extra: str) -> Ran:
        """Run `greenlane WORDS…`."""
        # What an interpreter reads as it starts is read by one that starts.
        if self.warm is None or any(name.startswith("PYTHON") for name in extra):
            return self._run(self.command(*words), words, extra)
        with tempfile.TemporaryFile() as output:
            code = self.warm.run(self.command(*words)[4:], self.path, self.environment(**extra), output)
            output.seek(0)
            return Ran(code, output.read().decode("utf-8", "replace"), self.verdict(words))

    def nox(self, *words: str, **extra: str) -> Ran:
        """Run `nox -s WORDS…` with the three-line noxfile."""
        self.write("noxfile.py", NOXFILE)
        command = [sys.executable, "-P", "-m", "nox", "--noxfile", str(self.path / "noxfile.py"), "-s", *words]
        return self._run(command, words, {**extra, "NOX_SCRIPT_MODE": "none"})

    def _run(self, command: list[str], words: tuple[str, ...], extra: dict[str, str]) -> Ran:
        done = subprocess.run(
            command, cwd=self.path, env=self.environment(**extra), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=150, check=False,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout.decode("utf-8", "replace"), self.verdict(words))

    def verdict(self, words: tuple[str, ...]) -> dict[str, Any]:
        """Return what the command wrote as its verdict."""
        lane = next((word for word in words if word in self.sections.get("lanes", {})), "")
        path = self.path / ".artifacts" / (f"verdicts/{lane}.json" if lane else "verdict.json")
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def start(self, *words: str, **extra: str) -> subprocess.Popen[bytes]:
        """Start `greenlane WORDS…` and return the process; the caller ends it."""
        return subprocess.Popen(
            self.command(*words), cwd=self.path, env=self.environment(**extra), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip


def interrupt(process: subprocess.Popen[bytes], number: int = signal.SIGINT) -> tuple[int, str]:
    """Send a signal to one process, wait for its end, and return exit code and output."""
    process.send_signal(number)
    output, _ = process.communicate(timeout=150)
    return process.returncode, output.decode("utf-8", "replace")
