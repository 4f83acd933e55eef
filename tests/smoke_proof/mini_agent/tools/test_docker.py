"""The docker backend, against an executable that stands for the docker client."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from mini_agent.tools.docker import DockerInvoker
from support.fake_docker import install
from support.processes import Flag, ended
from support.tool_calls import calling, once


class Box:
    """A container named `box`, and the log of the client that reaches it."""

    def __init__(self, folder: Path) -> None:
        self.docker = install(folder)
        self.place = folder / "place"
        self.place.mkdir()
        self._log = folder / "calls"
        self._environ = {
            "PATH": os.environ["PATH"],
            "DOCKER_CONFIG": str(folder),
            "TMPDIR": str(self.place),
            "SECRET": "s",
        }

    def invoker(self, **options: Any) -> DockerInvoker:
        """Returns: a backend for the container."""
        defaults = {"container": "box", "docker_bin": str(self.docker), "python": "python3"}
        return DockerInvoker(environ=self._environ, **{**defaults, **options})

    def call(self, name: str, arguments: Any, **options: Any) -> dict[str, Any]:
        """Returns: the record of one call."""
        return once(lambda: self.invoker(**options), name, arguments)

    def log(self) -> list[list[str]]:
        """Returns: argv of every client."""
        return [json.loads(line) for line in self._log.read_text().splitlines()] if self._log.exists() else []


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """A container."""
    return Box(tmp_path)


def test_a_command_reaches_the_container_as_argv(box: Box) -> None:
    """Behind the container's name stands exactly the split command, no shell."""
    record = box.call("exec_shell", {"cmd": "echo 'a b' $HOME ; ls"})
    assert record["stdout"] == "a b $HOME ; ls\n"
    assert (record["docker"], record["container"], record["ok"]) == (True, "box", True)
    (argv,) = box.log()
    assert argv[0] == "exec"
    assert argv[argv.index("box") :] == ["box", "echo", "a b", "$HOME", ";", "ls"]
    assert "-c" not in argv


def test_python_runs_inside(box: Box) -> None:
    """A program of any length and its failures are reported like local ones, and nothing of ours is inside."""
    padding = "#" * 200_000
    record = box.call("python", {"code": f"{padding}\nimport os; print(sorted(os.environ))"})
    assert record["ok"]
    assert "SECRET" not in record["stdout"]
    assert "TMPDIR" not in record["stdout"]
    record = box.call("exec_code", {"code": "raise SystemExit('no')", "language": "python"})
    assert (record["ok"], record["error"], record["docker"]) == (False, "rc=1: no\n", True)


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("exec_shell", {"cmd": "echoes"}, "cmd prefix not allowed (docker)"),
        ("exec_code", {"code": "x", "language": "rust"}, "unsupported language: rust"),
        ("exec_python", "x", "invalid arguments: expected a JSON object"),
        ("research_echo", {"query": "q"}, "unknown tool 'research_echo'"),
    ],
)
def test_refusals_start_no_client(box: Box, name: str, arguments: Any, error: str) -> None:
    """What may not run is refused before docker is started, and says where."""
    record = box.call(name, arguments)
    assert (record["ok"], record["error"], record["docker"], record["container"]) == (False, error, True, "box")
    assert box.log() == []


def test_only_execution_tools_are_listed(box: Box) -> None:
    """The container offers the execution tools and nothing else."""
    names = [spec["function"]["name"] for spec in asyncio.run(box.invoker().list_tools())]
    assert names == ["exec_python", "exec_code", "exec_shell"]


@pytest.mark.parametrize("name", ["", "  ", "-it", "--privileged"])
def test_a_container_that_cannot_be_a_name_is_rejected_at_construction(box: Box, name: str) -> None:
    """Neither nothing nor an option passes for a container."""
    with pytest.raises(ValueError, match="container name"):
        box.invoker(container=name)


def test_a_missing_client_or_container_is_a_failed_call(box: Box) -> None:
    """Without docker, or with a container that does not run, the call fails and says so."""
    record = box.call("exec_shell", {"cmd": "echo"}, docker_bin="/no/docker")
    assert (record["ok"], record["error"]) == (False, "cannot start '/no/docker': No such file or directory")
    record = box.call("exec_shell", {"cmd": "echo"}, container="other")
    assert record["error"] == "rc=1: Error: No such container\n"


_HANG = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-IS", "-c", "import time; time.sleep(600)"], start_new_session=True)
with open({path!r}, "w") as flag: flag.write(f"{{os.getpid()}} {{child.pid}}")
time.sleep(600)
"""


@pytest.mark.parametrize("how", ["timeout", "cancel"])
def test_a_timeout_or_cancellation_kills_inside_the_container_too(box: Box, tmp_path: Path, how: str) -> None:
    """Client, process inside and its child are gone, and the call is back within 0.5 s of its limit."""
    flag = Flag(tmp_path / "flag")

    async def main() -> tuple[float, list[int], dict[str, Any] | None]:
        invoker = box.invoker(timeout_s=1.0 if how == "timeout" else 60)
        started = time.monotonic()
        running = asyncio.create_task(calling(invoker, "exec_python", {"code": _HANG.format(path=str(flag.path))}))
        pids = [int(pid) for pid in (await flag.raised()).split()]
        if how == "cancel":
            started = time.monotonic() - 1.0
            running.cancel()
        record = (await asyncio.gather(running, return_exceptions=True))[0]
        seconds = time.monotonic() - started
        await invoker.aclose()
        return seconds, pids, record if isinstance(record, dict) else None

    seconds, pids, record = asyncio.run(main())
    assert seconds < 1.5
    assert len(pids) == 2
    assert all(ended(pid) for pid in pids)
    assert list(box.place.iterdir()) == []
    if how == "timeout":
        assert record is not None
        assert record["error"] == "timeout after 1s"
        assert record["docker"]
    else:
        assert record is None
