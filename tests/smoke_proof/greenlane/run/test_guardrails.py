"""The one base and the router guard, through the command line: what the caller exports, and what the lane then sees."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.tiny import ADDRESS, CORE, Ran, TinyProject
from support.tiny import ROUTER as GUARD

ND: dict[str, Any] = {"kind": "nondeterministic", "tests": ["tests"], "test_timeout": 20}
TOY = str(Path(__file__).parents[3] / "support" / "toy_service.py")
SERVICE = {"toy": {"command": [sys.executable, TOY, "{port}"], "identity": "/healthz", "start_timeout": 5}}
NAMES = ("MINI_AGENT_API_BASE", "CODEX_AGENT_API_BASE", "MINI_AGENT_API_HOST", "MINI_AGENT_API_PORT")
ROUTER = ("LITELLM_ROUTER_CONFIG", "ROUTER_MODEL_GROUP")
TELL = f"""
    import json, os, pathlib
    def test_tell():
        seen = {{name: os.environ.get(name) for name in {(*NAMES, *ROUTER)!r}}}
        config = seen["LITELLM_ROUTER_CONFIG"]
        seen["config"] = pathlib.Path(config).read_text() if config else None
        pathlib.Path(os.environ["TELL"]).write_text(json.dumps(seen))
"""
OTHER = "http://127.0.0.1:9"


@pytest.fixture
def nd(tiny: TinyProject, tmp_path: Path) -> TinyProject:
    """A project whose nd lane has the toy service, and a test that writes down what it sees."""
    env = [f"TELL={tmp_path / 'seen.json'}"]
    lanes = {"nd": {**ND, "services": ["toy"], "env": env}, "core": {**CORE, "services": ["toy"], "env": env}}
    tiny.lanes(**lanes).section("services", SERVICE).section("address", {**ADDRESS, "service": "toy"})
    tiny.section("router", GUARD)
    return tiny.test(TELL)


def seen(tiny: TinyProject) -> dict[str, str]:
    """Return what the lane's test saw."""
    content: dict[str, str] = json.loads((tiny.path.parent / "seen.json").read_text())
    return content


def ran_no_test(tiny: TinyProject, ran: Ran) -> bool:
    """Return whether a run ended before its lane began."""
    return not (tiny.path.parent / "seen.json").exists() and " | " not in ran.output


@pytest.fixture
def port() -> Iterator[str]:
    """The port of a toy service that somebody else runs."""
    command = [sys.executable, TOY, "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip().rpartition(":")[2]
        process.terminate()


SPELLINGS = {
    "exported once": {"MINI_AGENT_API_BASE": "http://127.0.0.1:{port}"},
    "spelled otherwise": {"MINI_AGENT_API_BASE": "HTTP://LocalHost:{port}/"},
    "host and port": {"MINI_AGENT_API_HOST": "localhost", "MINI_AGENT_API_PORT": "{port}"},
    "all of them": {
        "MINI_AGENT_API_BASE": "127.0.0.1:{port}", "CODEX_AGENT_API_BASE": "http://localhost:{port}/v1",
        "MINI_AGENT_API_HOST": "0.0.0.0", "MINI_AGENT_API_PORT": "{port}",
    },
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_four_spellings_are_one_base(nd: TinyProject, port: str, spelling: dict[str, str]) -> None:
    """However the base is exported, strict runs, every variable of the lane agrees, and the base is printed."""
    extra = {name: value.format(port=port) for name, value in spelling.items()}
    ran = nd.greenlane("lane", "nd", STRICT_READY="1", **extra)
    assert (ran.code, ran.codes) == (0, set()), ran.output
    base = f"http://127.0.0.1:{port}"
    told = seen(nd)
    assert [told[name] for name in NAMES] == [base, base, "127.0.0.1", port]
    (line,) = [line for line in ran.output.splitlines() if line.startswith(f"nd | base {base} from environment")]
    assert all(name in line for name in NAMES)


@pytest.fixture
def free_port() -> str:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


@pytest.mark.parametrize("spelling", [SPELLINGS["exported once"], SPELLINGS["host and port"]], ids=["base", "port"])
def test_a_base_at_which_nobody_listens(nd: TinyProject, free_port: str, spelling: dict[str, str]) -> None:
    """On this machine the service is started there, which is said, and stopped afterwards."""
    ran = nd.greenlane("lane", "nd", STRICT_READY="1", **{n: v.format(port=free_port) for n, v in spelling.items()})
    base = f"http://127.0.0.1:{free_port}"
    assert (ran.code, ran.codes) == (0, set()), ran.output
    told = f"service toy: nobody listens at {base}, so it is started there, and stopped afterwards"
    assert told in ran.output
    assert [seen(nd)[name] for name in NAMES] == [base, base, "127.0.0.1", free_port]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(free_port)), timeout=5).close()


ELSEWHERE = {
    "a path": ("http://127.0.0.1:{port}/v1", {}),
    "a service that takes no port": ("http://127.0.0.1:{port}", {"command": [sys.executable, TOY, "0"]}),
}


@pytest.mark.parametrize(("base", "service"), ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_a_base_that_is_not_ours_to_start(nd: TinyProject, free_port: str, base: str, service: dict[str, Any]) -> None:
    """Silence anywhere else stays SERVICE_DOWN: nothing is started in the place of what the caller named."""
    nd.section("services", {"toy": {**SERVICE["toy"], **service}})
    ran = nd.greenlane("lane", "nd", MINI_AGENT_API_BASE=base.format(port=free_port))
    assert (ran.code, "SERVICE_DOWN" in ran.codes) == (1, True), ran.output
    assert "started there" not in ran.output


def test_a_service_that_listens_elsewhere(nd: TinyProject, free_port: str) -> None:
    """A service that is told a port and takes another is not what the base names."""
    wrong = [
        sys.executable,
        "-c",
        f"import runpy, sys; sys.argv = ['', '0']; runpy.run_path({TOY!r}, run_name='__main__')",
    ]
    nd.section("services", {"toy": {**SERVICE["toy"], "command": [*wrong, "{port}"]}})
    ran = nd.greenlane("lane", "nd", MINI_AGENT_API_BASE=f"http://127.0.0.1:{free_port}")
    assert ran.code == 1
    assert f", not at port {free_port}" in ran.message("SERVICE_DOWN")


DIFFERENT = {
    "the alias": ("CODEX_AGENT_API_BASE", OTHER),
    "the port": ("MINI_AGENT_API_PORT", "9"),
    "the host": ("MINI_AGENT_API_HOST", "gateway.example"),
}


@pytest.mark.parametrize(("name", "value"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_two_that_differ_when_strict(nd: TinyProject, name: str, value: str) -> None:
    """Exit 2 before any test, and ADDRESS_DRIFT names both."""
    base = "http://127.0.0.1:8788"
    ran = nd.greenlane("lane", "nd", STRICT_READY="1", MINI_AGENT_API_BASE=base, **{name: value})
    assert (ran.code, ran.codes) == (2, {"ADDRESS_DRIFT"}), ran.output
    assert f"\nCONFIG_ERROR: ADDRESS_DRIFT {name} is {value}" in ran.output
    assert ran.message("ADDRESS_DRIFT") == f"{name} is {value}, the base is {base} (environment MINI_AGENT_API_BASE)"
    assert ran_no_test(nd, ran), ran.output


def test_two_that_differ_otherwise(nd: TinyProject, port: str) -> None:
    """Not strict, there is one base in every variable, and a warning for each that said something else."""
    base = f"http://127.0.0.1:{port}"
    ran = nd.greenlane("lane", "nd", MINI_AGENT_API_BASE=base, **dict(DIFFERENT.values()))
    assert ran.code == 0, ran.output
    for name, value in DIFFERENT.values():
        assert f"WARNING: ADDRESS_DRIFT {name} is {value}, the base is {base}" in ran.output
    assert [seen(nd)[name] for name in NAMES] == [base, base, "127.0.0.1", port]


def test_a_variable_without_an_address(nd: TinyProject) -> None:
    """What is no address at all is a configuration error that names its variable."""
    ran = nd.greenlane("lane", "nd", MINI_AGENT_API_PORT="gateway")
    assert ran.code == 2
    assert "CONFIG_ERROR: MINI_AGENT_API_PORT: 'http://127.0.0.1:gateway'" in ran.output


OWN = """\
model_list:
  - model_name: {group}
    litellm_params: {{model: openai/x, api_base: "http://127.0.0.1:9/v1", api_key: secret-of-the-caller}}
"""


def test_without_a_router_configuration_there_is_a_stub(nd: TinyProject) -> None:
    """The stub lies among the artifacts, points at the lane's own base, and the lane's variables name it."""
    ran = nd.greenlane("lane", "nd")
    assert ran.code == 0, ran.output
    told = seen(nd)
    stub = nd.path / ".artifacts" / "nd" / "router_stub.yaml"
    assert (told["LITELLM_ROUTER_CONFIG"], told["ROUTER_MODEL_GROUP"]) == (str(stub), "codex-agent-1")
    assert '- model_name: "codex-agent-1"' in told["config"]
    assert f'api_base: "{told["MINI_AGENT_API_BASE"]}/v1"' in told["config"]
    assert f"nd | router {stub}, a stub that points at the base, has codex-agent-1" in ran.output
    # Another lane that runs at the same time has another base: it writes a stub of its own, and the latest one only.
    latest = nd.path / ".artifacts" / "router_stub.yaml"
    assert latest.read_text() == stub.read_text() == told["config"]
    assert nd.greenlane("lane", "core").code == 0
    assert stub.read_text() == told["config"]
    assert latest.read_text() == (nd.path / ".artifacts" / "core" / "router_stub.yaml").read_text()


def test_a_router_configuration_with_the_group_is_used(nd: TinyProject) -> None:
    """The caller's own configuration reaches the nd lane; core gets the stub, and no key of the caller's."""
    nd.write("router.yaml", OWN.format(group="codex-agent-1"))
    for lane, name in (("nd", "router.yaml"), ("core", ".artifacts/core/router_stub.yaml")):
        ran = nd.greenlane("lane", lane, STRICT_READY="1", LITELLM_ROUTER_CONFIG="router.yaml")
        assert (ran.code, ran.codes) == (0, set()), ran.output
        told = seen(nd)
        assert told["LITELLM_ROUTER_CONFIG"] == str(nd.path / name)
        assert ("secret-of-the-caller" in told["config"]) is (lane == "nd")


def test_a_router_configuration_without_the_group(nd: TinyProject) -> None:
    """Strict: exit 2 before any test, naming file, group and groups found. Otherwise the stub, with a warning."""
    nd.write("router.yaml", OWN.format(group="fast"))
    strict = nd.greenlane("lane", "nd", STRICT_READY="1", LITELLM_ROUTER_CONFIG="router.yaml")
    assert (strict.code, strict.codes) == (2, {"GROUP_MISSING"}), strict.output
    told = f"{nd.path / 'router.yaml'} (LITELLM_ROUTER_CONFIG) has no model group 'codex-agent-1'; found: fast"
    assert strict.message("GROUP_MISSING") == told
    assert f"\nCONFIG_ERROR: GROUP_MISSING {told}" in strict.output
    assert ran_no_test(nd, strict), strict.output
    loose = nd.greenlane("lane", "nd", LITELLM_ROUTER_CONFIG="router.yaml")
    assert loose.code == 0, loose.output
    assert f"WARNING: GROUP_MISSING {told}; the stub is used instead" in loose.output
    assert seen(nd)["LITELLM_ROUTER_CONFIG"] == str(nd.path / ".artifacts" / "nd" / "router_stub.yaml")


def test_a_group_that_only_the_caller_names(nd: TinyProject) -> None:
    """ROUTER_MODEL_GROUP must resolve like the configured ones, and is never taken for a host."""
    nd.write("router.yaml", OWN.format(group="codex-agent-1"))
    extra = {"LITELLM_ROUTER_CONFIG": "router.yaml", "ROUTER_MODEL_GROUP": "http://evil.example"}
    ran = nd.greenlane("lane", "nd", **extra)
    assert ran.code == 0, ran.output
    assert "WARNING: GROUP_MISSING" in ran.output
    told = seen(nd)
    assert told["ROUTER_MODEL_GROUP"] == "http://evil.example"
    assert told["config"].count(f'api_base: "{told["MINI_AGENT_API_BASE"]}/v1"') == 2


WRONG = {
    "not there": (None, "router.yaml: No such file or directory"),
    "another file": ("a: 1\n", "router.yaml (LITELLM_ROUTER_CONFIG): it has no list `model_list`"),
}


@pytest.mark.parametrize(("text", "line"), WRONG.values(), ids=WRONG.keys())
def test_a_router_configuration_that_is_none(nd: TinyProject, text: str | None, line: str) -> None:
    """A file that cannot be used is a configuration error, strict or not, before any test."""
    if text is not None:
        nd.write("router.yaml", text)
    ran = nd.greenlane("lane", "nd", LITELLM_ROUTER_CONFIG="router.yaml")
    assert ran.code == 2, ran.output
    assert "CONFIG_ERROR: " in ran.output
    assert line in ran.output
    assert "Traceback" not in ran.output
    assert ran_no_test(nd, ran), ran.output
