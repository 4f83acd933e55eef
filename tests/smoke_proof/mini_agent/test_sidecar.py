"""`mini-agent serve --mode forward --with-litellm`: one command starts LiteLLM, keeps it alive and takes it down.

The process is a program that behaves as LiteLLM does; `tests/smoke_nd` starts LiteLLM itself.
"""

from __future__ import annotations

import os
import signal
import stat
import sys
import time
from itertools import islice
from pathlib import Path

import pytest

from mini_agent.core.errors import ConfigError
from mini_agent.sidecar import back_off, find_program
from support.gateway import GatewayProcess, Stage
from support.loop_thread import PATIENCE_S
from support.parity.provider import Provider
from support.parity.suite import CASES, MASTER
from support.parity.world import CONFIG

TESTS = Path(__file__).parents[2]
KEY = {"authorization": f"Bearer {MASTER}"}
LITELLM = f"""\
#!{sys.executable}
import os, sys
sys.path.insert(0, {str(TESTS)!r})
print("LiteLLM: Proxy initialized with Config", flush=True)
from pathlib import Path
import yaml
from aiohttp import web
from mini_agent.settings.references import resolve_references
from support.parity.litellm_process import LiteLLMProcess

words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
config = yaml.safe_load(Path(words["--config"]).read_text())
app = LiteLLMProcess(resolve_references(config, {{**os.environ, "PARITY_NOT_SET": "x", "HEALTHY_BASE": "http://x"}})).app()
Path(os.environ["LIVES"], str(os.getpid())).write_text(os.environ.get("VIRTUAL_ENV", "none"))
web.run_app(app, host=words["--host"], port=int(words["--port"]), print=None)
"""


def program(folder: Path, text: str) -> str:
    """Write a program. Returns: its path."""
    path = folder / "litellm"
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def start(folder: Path, root: str, text: str = LITELLM) -> GatewayProcess:
    """Start a gateway with a sidecar of its own."""
    (folder / "lives").mkdir()
    environ = {"PARITY_ROOT": root, "PARITY_BASE": f"{root}/v1", "LIVES": str(folder / "lives"), "VIRTUAL_ENV": "/ours"}
    words = ("serve", "--port", "0", "--mode", "forward", "--config", str(CONFIG))
    return GatewayProcess(*words, "--with-litellm", program(folder, text), environ=environ)


def lives(folder: Path, count: int) -> list[int]:
    """Wait until the program has been started so often. Returns: the process ids, in no order."""
    give_up = time.monotonic() + PATIENCE_S
    while len(found := [int(path.name) for path in (folder / "lives").iterdir()]) < count:
        assert time.monotonic() < give_up, found
    return found


def gone(pid: int) -> bool:
    """Wait until a process has ended. Returns: whether it has."""
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
    return False


def test_it_is_started_kept_alive_and_taken_down(stage: Stage, tmp_path: Path) -> None:
    """The announcement comes when it answers; killed, it is started again at its address; it ends with the gateway."""
    with start(tmp_path, stage.serve(Provider().app())) as gateway:
        gateway.wait_listening()
        (first,) = lives(tmp_path, 1)
        assert (tmp_path / "lives" / str(first)).read_text() == "none"
        plain = next(case for case in CASES if case.name == "plain")
        assert plain.ask(gateway, "one").status == 200
        os.kill(first, signal.SIGKILL)
        (second,) = set(lives(tmp_path, 2)) - {first}
        give_up = time.monotonic() + PATIENCE_S
        while (reply := plain.ask(gateway, "again")).status != 200:
            assert reply.status in (502, 503), reply.body
            assert time.monotonic() < give_up
        assert '"message":"litellm ended","reason":"signal SIGKILL","again_in_s":0.5' in gateway.stderr()
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0
        assert gone(second)


def test_it_does_not_outlive_a_gateway_that_is_killed(stage: Stage, tmp_path: Path) -> None:
    """A gateway that can do nothing any more leaves no process behind."""
    with start(tmp_path, stage.serve(Provider().app())) as gateway:
        gateway.wait_listening()
        (pid,) = lives(tmp_path, 1)
        gateway.signal(signal.SIGKILL)
        gateway.wait()
        assert gone(pid)


def test_one_that_does_not_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    """An end before the first answer is exit 1 with what it said, and no gateway; a secret in it is not shown."""
    with start(tmp_path, "http://127.0.0.1:1", "#!/bin/sh\necho key sk-parity-master\nexit 3\n") as gateway:
        assert gateway.wait() == 1
        assert gateway.stderr() == "litellm did not start: exit code 3\nkey [redacted]\n"


WRONG = {
    "in sdk mode": (("--config", str(CONFIG), "--with-litellm"), {}, "add --mode forward"),
    "without a file": (("--mode", "forward", "--with-litellm"), {}, "needs the file that LiteLLM reads, too"),
    "with another process": (
        ("--mode", "forward", "--config", str(CONFIG), "--with-litellm"),
        {"MINI_AGENT_FORWARD_URL": "http://127.0.0.1:4000"},
        "take MINI_AGENT_FORWARD_URL out",
    ),
    "without the program": (
        ("--mode", "forward", "--config", str(CONFIG), "--with-litellm"),
        {"MINI_AGENT_LITELLM": "/nowhere/litellm"},
        "'/nowhere/litellm' is no program that can be started",
    ),
}


@pytest.mark.parametrize(("words", "environ", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_meant_is_refused(
    words: tuple[str, ...], environ: dict[str, str], message: str, tmp_path: Path
) -> None:
    """Each is exit 2 with what to do about it, and nothing is started."""
    variables = {"PARITY_ROOT": "http://127.0.0.1:1", "PARITY_BASE": "http://127.0.0.1:1/v1", **environ}
    with GatewayProcess("serve", "--port", "0", *words, environ=variables, folder=tmp_path) as gateway:
        assert gateway.wait() == 2
        told = gateway.stderr()
    assert told.startswith("CONFIG_ERROR: ")
    assert message in told


def test_the_program_is_looked_for_in_an_environment_of_its_own(tmp_path: Path) -> None:
    """`.venv-litellm` comes before the PATH; our own environment does not count; where none is, it is told how."""
    ours = str(Path(sys.prefix, "bin"))
    with pytest.raises(ConfigError, match=r"uv venv \.venv-litellm && uv pip install --python \.venv-litellm"):
        find_program("", ours, tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    found = program(other, "#!/bin/sh\n")
    assert find_program("", os.pathsep.join((ours, str(other))), tmp_path) == found
    own = tmp_path / ".venv-litellm" / "bin"
    own.mkdir(parents=True)
    first = program(own, "#!/bin/sh\n")
    assert find_program("", str(other), tmp_path) == first
    assert find_program(found, "", tmp_path) == found


def test_the_delays_of_a_row_of_failures_grow() -> None:
    """From half a second to half a minute, and no longer."""
    assert list(islice(back_off(), 8)) == [0.5, 1, 2, 4, 8, 16, 30, 30]
