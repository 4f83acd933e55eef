"""The table of docs/operators.md is true: each row's right side is run, or made by a run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from greenlane.environment.wheels import repack
from support.gateway import GatewayProcess
from support.tiny import CORE, TinyProject
from support.wheelhouse import lock_of

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8").partition("## Their command or name")[2]
ROWS = dict(re.findall(r"^\| (.+?) \| (.+) \|$", PAGE, re.MULTILINE))
OURS = {command for cell in ROWS.values() for command in re.findall(r"`([^`]+)`", cell)}
FOCUS = sorted(command for command in OURS if command.startswith("nox -s focus"))
FILES = sorted(name for name in OURS if name.startswith(".artifacts/"))
SERVERS = sorted(
    command for command in OURS if command.startswith(("mini-agent serve", "mini-agent intercept", "uvicorn "))
)
LOOKS = sorted(command for command in OURS if command.startswith(("greenlane ", "mini-agent config ")))
LANES = sorted(command for command in OURS if command.startswith("nox -s ") and command not in FOCUS)
OTHER = {"report.json", "[tool.greenlane]"}
CONFIG = (
    "model_list: [{model_name: m, litellm_params: {model: openai/m, api_base: 'http://127.0.0.1:9', api_key: k}}]\n"
)


def test_every_row_is_run_by_one_of_these_tests() -> None:
    """Nothing of the table is left to the reader's belief."""
    assert {*FOCUS, *FILES, *SERVERS, *LANES, *LOOKS, *OTHER} == OURS
    assert min(map(len, (FOCUS, FILES, SERVERS, LANES, LOOKS))) >= 3
    report = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["greenlane"]["report"]
    assert f"`{report['json']}`" in ROWS


def test_the_groups_of_tests_are_there() -> None:
    """Each path that stands for a group has tests; core runs them."""
    paths = sorted({path for command in FOCUS for path in shlex.split(command)[4:]})
    words = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *paths]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert [path for path in paths if path not in done.stdout] == []


@pytest.fixture
def measured(make_tiny: Callable[..., TinyProject]) -> TinyProject:
    """A project with a measured core lane and an nd lane of two shards."""
    tiny = make_tiny(own=True)
    lock = tiny.lock + lock_of([repack("coverage", tiny.wheelhouse)])
    nd: dict[str, Any] = {"kind": "nondeterministic", "tests": ["nd"], "shards": ["shard_a", "shard_b"]}
    tiny.lanes(core={**CORE, "aliases": ["all_smokes_core"], "coverage": {"packages": ["part"]}}, nd=nd).write(
        "locks/core.txt", lock
    )
    tiny.write("part.py", "def used(): return 1\n").write("conftest.py", "")
    tiny.test("import part\ndef test_ok(): assert part.used()\n")
    for number in range(4):
        tiny.test("def test_ok(): pass\n", f"nd/test_{number}.py")
    return tiny


def test_lanes_and_what_they_leave(measured: TinyProject) -> None:
    """The lanes run by these words, and after the main job every named report is there.

    The session of the main job hands over to the control environment, which needs an index: what it does is done here.
    """
    plain = {"COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}
    for command in LANES:
        _, _, session, *words = shlex.split(command)
        rest = [word for word in words if word != "--"]
        if session == "ready":
            ran = measured.greenlane("ready", *rest, **plain)
            assert ran.output.rstrip().endswith("READY (policy matrix, strict)"), ran.output
            assert [name for name in FILES if not (measured.path / name).exists()] == []
        else:
            ran = measured.nox(session, *words, **plain)
        partial = "--only" in words
        assert (ran.code, ran.codes) == ((1, {"PARTIAL"}) if partial else (0, set())), ran.output


LITELLM = f"""\
#!{sys.executable}
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Alive(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Alive).serve_forever()
"""


@pytest.mark.parametrize("command", LOOKS)
def test_what_only_looks(tiny: TinyProject, command: str) -> None:
    """It ends well beside a list and a configuration of theirs; what is written loads."""
    program, *words = shlex.split(command)
    tiny.lanes(core=CORE).test("def test_ok(): pass\n").write("litellm.yaml", CONFIG)
    tiny.write("readiness.yml", "checks:\n  - name: unit\n    run: pytest -q tests/unit\n")
    if program == "greenlane":
        ran = tiny.greenlane(*words)
        assert ran.code == 0, ran.output
        lanes = tomllib.loads((tiny.path / "pyproject.toml").read_text())["tool"]["greenlane"]["lanes"]
        assert ("unit" in lanes) == ("--write" in words)
    else:
        run = [str(Path(sys.executable).with_name(program)), *words]
        done = subprocess.run(run, cwd=tiny.path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", SERVERS)
def test_servers_start_by_these_words(command: str, tmp_path: Path) -> None:
    """Each listens at the port that stands in the row."""
    program, *words = shlex.split(command)
    (tmp_path / "litellm.yaml").write_text(CONFIG)
    (tmp_path / "litellm").write_text(LITELLM)
    (tmp_path / "litellm").chmod(0o755)
    environ = {"HOME": str(tmp_path), "MINI_AGENT_ALLOW_DUMMY": "1", "MINI_AGENT_LITELLM": str(tmp_path / "litellm")}
    path = str(Path(sys.executable).with_name(program)) + (".exe" if os.name == "nt" else "")
    with GatewayProcess(*words, environ=environ, folder=tmp_path, program=path) as server:
        if program == "uvicorn":
            server.wait_for(r"running on http://127\.0\.0\.1:(\d+)")
        else:
            server.wait_listening()
        assert server.port == int(words[words.index("--port") + 1])
