"""The packages for Python that people write agents with do a task through the gateway, and call for nobody else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.clients import ANSWER, PORTS, Clients, blocks, check_memory
from support.gateway import Stage

pytestmark = [pytest.mark.needs("clients"), pytest.mark.shard("shard_b"), pytest.mark.timeout(180)]
#: The sections of the page, and what the program prints at its end.
PROGRAMS = {
    "openai": ANSWER,
    "anthropic": ANSWER,
    "openai-agents": ANSWER,
    "langchain-openai": ANSWER,
    "instructor": "tea",
    "pydantic-ai": ANSWER,
}
#: Runs a program of the page before each mode, in one interpreter: most of its time is that of imports.
BOTH = """
import os, runpy, sys
for port in sys.argv[2:]:
    os.environ["BASE"] = f"http://127.0.0.1:{port}"
    runpy.run_path(sys.argv[1], run_name="__main__")
"""
QUIET = {"OPENAI_AGENTS_DISABLE_TRACING": "1"}


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """Both gateways, for all of the clients."""
    folder = tmp_path_factory.mktemp("clients")
    with Stage(folder) as stage:
        yield Clients(stage, folder)


@pytest.mark.parametrize(("package", "printed"), PROGRAMS.items(), ids=PROGRAMS)
def test_program(clients: Clients, package: str, printed: str) -> None:
    """The page's program, in both modes: its tool is called, and memory is there in every turn."""
    program = blocks("python.md", package)["python"]
    command = [os.environ["CLIENTS_PYTHON"], "-P", "-c", BOTH, "program.py", *map(str, PORTS.values())]
    tool = "Pour" if package == "instructor" else "pour"
    ran = clients.run(package, command, tool, {"drink": "tea"}, PORTS, {"work/program.py": program}, QUIET)
    assert ran.output.splitlines() == [printed, printed]
    for mode in PORTS:
        if package != "instructor":
            check_memory(ran.told(mode), "poured tea")
        else:
            (request,) = ran.told(mode)
            check_memory([request])


def test_llm(clients: Clients) -> None:
    """The page's model and command, in both modes: its tool is called, and memory is there in every turn."""
    page = blocks("python.md", "llm")
    programs = Path(os.environ["CLIENTS_PYTHON"]).parent
    environ = {"LLM_USER_PATH": "..", "PATH": os.pathsep.join((str(programs), os.environ["PATH"]))}
    for mode in PORTS:
        command = ["bash", "-euc", page["sh"]]
        files = {"extra-openai-models.yaml": page["yaml"]}
        ran = clients.run(f"llm-{mode}", command, "pour", {"drink": "tea"}, {mode: 8788}, files, environ)
        assert ran.output.strip().endswith(ANSWER)
        check_memory(ran.told(mode), "poured tea")


CALLS = {
    "an address": "import socket; socket.socket().connect_ex(('192.0.2.1', 443))",
    "a name": "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'?', ('127.0.0.1', 53))",
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_client_that_calls_for_somebody_else_is_caught(clients: Clients, call: str) -> None:
    """Whatever becomes of it: the kernel has counted the attempt."""
    with pytest.raises(AssertionError, match="it called for somebody else"):
        clients.run("caller", [sys.executable, "-c", call], "pour", {}, PORTS)
