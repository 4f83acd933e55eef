"""The service of the nd lane that holds a container, against an executable that stands for the docker client."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.fake_docker import install
from support.http_client import HttpClient

BOX = Path(__file__).parents[3] / "support" / "docker_box.py"


@contextmanager
def started(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the service with the client of a folder."""
    install(folder)
    environ = {"PATH": f"{folder}:{os.environ['PATH']}", "DOCKER_CONFIG": str(folder)}
    command = [sys.executable, "-P", str(BOX), "python:3.11-slim"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_container_is_started_told_of_and_removed(tmp_path: Path) -> None:
    """It has no network and ends by itself; `/ready` names it while it runs; a stopped service leaves none behind."""
    with started(tmp_path) as process:
        assert process.stdout
        address = urlsplit(process.stdout.readline().strip())
        assert address.hostname
        assert address.port
        reply = HttpClient(address.hostname, address.port).get("/ready")
        name = reply.json()["container"]
        assert (reply.status, (tmp_path / "containers" / name).exists()) == (200, True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert not (tmp_path / "containers" / name).exists()
    first = json.loads((tmp_path / "calls").read_text().splitlines()[0])
    assert first == [
        "run", "--detach", "--rm", "--init", "--network", "none", "--name", name, "python:3.11-slim", "sleep", "3600",
    ]  # fmt: skip


def test_an_engine_that_refuses_is_told(tmp_path: Path) -> None:
    """Its own words, and no service."""
    (tmp_path / "engine").write_text("no space left on device\n")
    with started(tmp_path) as process:
        assert process.wait(30) == 1
        assert process.stderr
        assert "no space left on device" in process.stderr.read()


def probe(folder: Path, path: str) -> tuple[int, str]:
    """Ask whether this machine can have the service. Returns: exit code and output."""
    # Without the folders of the system: a client of this machine is not asked.
    command = [sys.executable, "-P", str(BOX), "--probe", "python:3.11-slim"]
    environ = {"PATH": path, "DOCKER_CONFIG": str(folder)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


REASONS = {
    "an engine": (("no-such-file", ""), ""),
    "no engine": (("engine", "Cannot connect to the Docker daemon\n"), "Cannot connect to the Docker daemon"),
    "no image": (("no-image", ""), "python:3.11-slim cannot be had: no route to the registry"),
}


@pytest.mark.parametrize(("said", "reason"), REASONS.values(), ids=REASONS.keys())
def test_what_the_probe_says(tmp_path: Path, said: tuple[str, str], reason: str) -> None:
    """One line: the client's own words where the engine or the image is missing."""
    install(tmp_path)
    (tmp_path / said[0]).write_text(said[1])
    assert probe(tmp_path, str(tmp_path)) == (int(bool(reason)), f"{reason or 'it can be had'}\n")


def test_the_probe_without_a_client(tmp_path: Path) -> None:
    """Docker itself is what is missing."""
    assert probe(tmp_path, str(tmp_path)) == (1, "docker is not installed\n")
