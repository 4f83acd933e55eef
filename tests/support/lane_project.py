"""Builds small projects and runs their tests in a lane process of their own, as users do."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from xml.etree import ElementTree

import msgspec

from greenlane.config.leaks import LeakPolicy
from greenlane.evidence.contract import CONTRACT_VARIABLE, Contract
from greenlane.evidence.journal import AnyEvent, Event, Leaked, NetworkAttempt, TestFinished
from support.measured import measured

E = TypeVar("E", bound=Event)

LAUNCH = (
    "import os, sys; from greenlane.supervisor.namespace import enter; enter(); os.execv(sys.executable, sys.argv[1:])"
)
"""Enters a namespace of its own, then becomes the lane's pytest, as the supervisor's child does."""

OTHERS = ("hypothesispytest", "anyio", "respx", "platformdirs")
"""Plugins that are installed beside this one: each pytest would take half a second to import what they need."""


@dataclass(frozen=True, kw_only=True)
class LaneRun:
    """What a run left behind.

    Attributes:
        status: exit status of the process; output: both of its streams.
        events: the journal, decoded.
        cases: outcome by `classname::name` of the JUnit file, worst first.
    """

    status: int
    output: str
    events: list[Event]
    cases: dict[str, str] = field(default_factory=dict)

    def of(self, kind: type[E]) -> list[E]:
        """Return the journal's events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def outcomes(self) -> dict[str, str]:
        """Final outcome by name of the test, without its file."""
        return {event.nodeid.split("::", 1)[-1]: event.outcome.value for event in self.of(TestFinished)}

    def leaks(self, test: str = "") -> dict[str, Leaked]:
        """Return leaks by `watcher:what`, of one test or of all."""
        return {f"{leak.watcher}:{leak.what}": leak for leak in self.of(Leaked) if leak.nodeid.endswith(test)}

    def attempts(self, test: str) -> list[NetworkAttempt]:
        """Return the attempts to leave the loopback that are blamed on a test."""
        return [attempt for attempt in self.of(NetworkAttempt) if attempt.nodeid.endswith(test)]


@dataclass
class LaneProject:
    """A project in a folder of its own.

    Args:
        root: an empty folder.
    """

    root: Path

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project, its text dedented; return its path."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))
        return path

    def run(
        self,
        *arguments: str,
        leaks: LeakPolicy | None = None,
        network: bool = True,
        hermetic: str = "none",
        kind: str = "deterministic",
        order: str = "file",
        seed: int = 0,
        tests: tuple[str, ...] = ("tests",),
        **more: Any,
    ) -> LaneRun:
        """Run the tests under a contract and return what came of it.

        Args:
            arguments: further words of pytest's command line.
            network: whether the lane may leave its loopback; hermetic: level that control claims to have reached,
                `kernel` also makes the namespace.
            order: `file` or `random`.
            more: further fields of the contract.
        """
        artifacts = self.root / ".artifacts" / "core"
        artifacts.mkdir(parents=True, exist_ok=True)
        for old in artifacts.iterdir():
            old.unlink()
        contract = Contract(
            run_id="run",
            lane="core",
            kind=kind,
            project=str(self.root),
            artifacts=str(artifacts),
            arguments=(
                *tests,
                f"--junitxml={artifacts}/junit.xml",
                "-rA",
                *(f"-pno:{name}" for name in ("cacheprovider", *OTHERS)),
                *arguments,
            ),
            tests=tests,
            plugin="0",
            hermetic=hermetic,
            network=network,
            leaks=leaks or LeakPolicy(level="off"),
            order=order,
            seed=seed,
            **more,
        )
        (artifacts / "contract.json").write_bytes(msgspec.json.encode(contract))
        command = [sys.executable, "-P", "-s", "-m", "pytest", *contract.arguments]
        if hermetic == "kernel":
            command = [sys.executable, "-P", "-s", "-c", LAUNCH, *command]
        done = subprocess.run(
            command, env={**self._environment(), CONTRACT_VARIABLE: str(artifacts / "contract.json")}, cwd=self.root,
            capture_output=True, text=True, check=False, timeout=150,
        )  # fmt: skip
        return LaneRun(
            status=done.returncode,
            output=done.stdout + done.stderr,
            events=_events(artifacts / "journal.jsonl"),
            cases=_cases(artifacts / "junit.xml"),
        )

    def _environment(self) -> dict[str, str]:
        """Return a small environment that nothing of the outer run is in."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.root),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(self.root / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **measured(),
        }


def _events(path: Path) -> list[Event]:
    """Decode a journal; a missing one is empty."""
    if not path.exists():
        return []
    decode = msgspec.json.Decoder(AnyEvent).decode
    return [decode(line) for line in path.read_bytes().splitlines()]


def _cases(path: Path) -> dict[str, str]:
    """Return the outcome of each case of a JUnit file; a case that is there twice counts with its worse half."""
    if not path.exists():
        return {}
    found: dict[str, str] = {}
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        worst = next((child.tag for child in case if child.tag in ("error", "failure", "skipped")), "passed")
        if found.get(name, "passed") == "passed":
            found[name] = worst
    return found
