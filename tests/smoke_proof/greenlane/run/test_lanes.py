"""Lanes, shards, services, gates and policies, through the command line."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.tiny import ADDRESS, CORE, TinyProject, interrupt

PASSING = "def test_ok():\n    assert True\n"
ND: dict[str, Any] = {"kind": "nondeterministic", "tests": ["tests"], "test_timeout": 20}
TOY = str(Path(__file__).parents[3] / "support" / "toy_service.py")
FILES = 6


def toy(*words: str, **more: Any) -> dict[str, Any]:
    """Return the declaration of the toy service."""
    command = [sys.executable, TOY, "{port}", *words]
    return {"toy": {"command": command, "identity": "/healthz", "start_timeout": 5, **more}}


def sharded(tiny: TinyProject) -> TinyProject:
    """Give a project a lane of two shards and six files."""
    tiny.lanes(nd={**ND, "shards": ["shard_a", "shard_b"]})
    for number in range(FILES):
        tiny.write(f"tests/test_{number}.py", "def test_one(): pass\ndef test_two(): pass\n")
    return tiny


def journal(tiny: TinyProject, shard: str) -> set[str]:
    """Return the tests that ran in a shard."""
    lines = (tiny.path / ".artifacts" / "nd" / shard / "journal.jsonl").read_text().splitlines()
    return {event["nodeid"] for event in map(json.loads, lines) if event["event"] == "test_finished"}


def test_shards_are_disjoint_and_whole(tiny: TinyProject) -> None:
    """Every test runs in exactly one shard, and the tests of a file stay together."""
    ran = sharded(tiny).greenlane("lane", "nd")
    assert ran.code == 0, ran.output
    first, second = journal(tiny, "shard_a"), journal(tiny, "shard_b")
    assert first
    assert second
    assert not first & second
    assert len(first | second) == 2 * FILES
    assert not {name.split("::")[0] for name in first} & {name.split("::")[0] for name in second}


def test_one_named_shard(tiny: TinyProject) -> None:
    """A named shard runs alone and is judged alone."""
    ran = sharded(tiny).greenlane("lane", "nd", "shard_b")
    assert ran.code == 0, ran.output
    assert [check["name"] for check in ran.verdict["checks"]] == ["nd/shard_b"]


def test_a_pin_wins(tiny: TinyProject) -> None:
    """A test pinned by mark runs in its shard; a pin to no shard of the lane is an error that lists them."""
    sharded(tiny)
    for shard in ("shard_a", "shard_b"):
        body = f"import pytest\n@pytest.mark.shard({shard!r})\ndef test_pinned(): pass\n"
        ran = tiny.write("tests/test_0.py", body).greenlane("lane", "nd", shard)
        assert "tests/test_0.py::test_pinned" in journal(tiny, shard), ran.output
    tiny.write("tests/test_0.py", "import pytest\n@pytest.mark.shard('shard_z')\ndef test_pinned(): pass\n")
    ran = tiny.greenlane("lane", "nd", "shard_a")
    assert ran.code == 1
    assert "pinned to shard 'shard_z'; the lane has shard_a, shard_b" in ran.output


def test_merge_of_shards_made_elsewhere(tiny: TinyProject) -> None:
    """`verdict` over all shards is READY; without one of them it is a gap."""
    sharded(tiny).section("policies", {"all": {"lanes": ["nd"]}})
    for shard in ("shard_a", "shard_b"):
        assert tiny.greenlane("lane", "nd", shard).code == 0
    ran = tiny.greenlane("verdict", "--policy", "all")
    assert ran.code == 0, ran.output
    (tiny.path / ".artifacts" / "nd" / "shard_b" / "lane.json").unlink()
    ran = tiny.greenlane("verdict", "--policy", "all")
    assert (ran.code, ran.codes) == (1, {"SHARD_GAP"}), ran.output


SKIPS = {
    "explained": ("@pytest.mark.skip(reason='no engine here')", {}, 0, set()),
    "unexplained": ("@pytest.mark.skip", {}, 1, {"SKIPPED"}),
    "explained, and skips fail": ("@pytest.mark.skip(reason='no')", {"READINESS_FAIL_ON_SKIP": "1"}, 1, {"SKIPPED"}),
    "explained, and expected": ("@pytest.mark.skip(reason='no')", {"READINESS_EXPECT": "nd"}, 1, {"EXPECTED_NOT_RUN"}),
}


@pytest.mark.parametrize(("mark", "extra", "code", "codes"), SKIPS.values(), ids=SKIPS.keys())
def test_skips_outside_core(tiny: TinyProject, mark: str, extra: dict[str, str], code: int, codes: set[str]) -> None:
    """Outside a deterministic lane a skip needs a reason, and fails when it is expected to run."""
    tiny.lanes(nd=ND).test(f"import pytest\n{mark}\ndef test_a(): pass\n{PASSING}")
    ran = tiny.greenlane("lane", "nd", **extra)
    assert (ran.code, ran.codes) == (code, codes), ran.output


ASKS = """
    import json, os, urllib.request
    BASE = os.environ["MINI_AGENT_API_BASE"]
    def test_a():
        with urllib.request.urlopen(BASE + "/healthz") as reply:
            assert f":{json.load(reply)['port']}" in BASE
        assert os.environ["CODEX_AGENT_API_BASE"] == BASE
"""


@pytest.mark.parametrize("lane", [CORE, ND], ids=["deterministic", "nondeterministic"])
def test_a_service(tiny: TinyProject, lane: dict[str, Any]) -> None:
    """A service starts on a port of its own choice, in the lane's own namespace; the base variables follow it."""
    tiny.lanes(core={**lane, "services": ["toy"]}).section("services", toy()).section(
        "address", {**ADDRESS, "service": "toy"}
    )
    ran = tiny.test(ASKS).greenlane("lane", "core")
    assert ran.code == 0, ran.output
    record = ran.verdict["checks"][0]["record"]["result"]
    assert record["services"][0]["started"]
    assert record["endpoints"]["MINI_AGENT_API_BASE"] == record["services"][0]["base"]


BROKEN = {
    "cannot start": (toy("quit"), "toy: cannot start today"),
    "never says where it is": (toy("mute", start_timeout=1), "printed no address http://host:port"),
    "is another process": (toy("impostor"), "is another process than the one that was started"),
    "is not there": ({"toy": {"command": ["no-such-program"]}}, "cannot be started"),
}


@pytest.mark.parametrize(("service", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_service(tiny: TinyProject, service: dict[str, Any], message: str) -> None:
    """A service that does not start, or is not ours, is red before any test runs, with its last words."""
    tiny.lanes(nd={**ND, "services": ["toy"]}).section("services", service).section(
        "address", {**ADDRESS, "service": "toy"}
    )
    ran = tiny.test(PASSING).greenlane("lane", "nd")
    assert ran.code == 1
    assert message in ran.message("ERROR"), ran.output
    assert "1 passed" not in ran.output


def test_the_service_dies(tiny: TinyProject) -> None:
    """A service that dies during the run is red, and the test that was running is named."""
    tiny.lanes(nd={**ND, "services": ["toy"]}).section("services", toy()).section(
        "address", {**ADDRESS, "service": "toy"}
    )
    ran = tiny.test("""
        import os, urllib.request, pytest
        def test_kills_it():
            with pytest.raises(OSError):
                urllib.request.urlopen(os.environ["MINI_AGENT_API_BASE"] + "/die", data=b"")
    """).greenlane("lane", "nd")
    assert ran.code == 1
    assert "toy: died with exit status 7" in ran.message("SERVICE_DOWN"), ran.output
    assert "1 passed" in ran.output


def test_a_foreign_process_at_the_base(tiny: TinyProject) -> None:
    """A process at the configured base that is not the service is red; no test runs against it."""
    tiny.lanes(nd={**ND, "services": ["toy"]}).section("services", toy()).section(
        "address", {**ADDRESS, "service": "toy"}
    )
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        foreign.settimeout(20)
        port = foreign.getsockname()[1]
        run = tiny.test(PASSING).start("lane", "nd", MINI_AGENT_API_BASE=f"http://localhost:{port}/")
        asked = b""
        while not asked:  # the first connection only looks whether anybody listens
            connection, _ = foreign.accept()
            with connection:
                asked = connection.recv(65536)
                if asked:
                    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        output = run.communicate(timeout=150)[0].decode()
    assert run.returncode == 1
    assert f"http://127.0.0.1:{port} is not toy: GET /ready gave status 404" in output


def test_two_bases(tiny: TinyProject) -> None:
    """Two variables that differ: strict is exit 2 before any test; otherwise one base and a warning."""
    tiny.lanes(nd={**ND, "services": ["toy"]}).section("services", toy()).section(
        "address", {**ADDRESS, "service": "toy"}
    )
    other = {"CODEX_AGENT_API_BASE": "http://127.0.0.1:9"}
    strict = tiny.test(ASKS).greenlane("lane", "nd", STRICT_READY="1", **other)
    assert (strict.code, strict.codes) == (2, {"ADDRESS_DRIFT"}), strict.output
    assert "nd | " not in strict.output
    loose = tiny.greenlane("lane", "nd", **other)
    assert loose.code == 0, loose.output
    assert "WARNING: ADDRESS_DRIFT" in loose.output


RELEASE = {"kind": "release", "tests": ["live"], "providers": ["gemini"], "test_timeout": 20}
GATES = {
    "neither": ({}, "SKIP gemini: LIVE_PROVIDERS is not 1; GEMINI_API_KEY is not set"),
    "switch alone": ({"LIVE_PROVIDERS": "1"}, "SKIP gemini: GEMINI_API_KEY is not set"),
    "secret alone": ({"GEMINI_API_KEY": "sk-g"}, "SKIP gemini: LIVE_PROVIDERS is not 1"),
    "blank secret": ({"LIVE_PROVIDERS": "1", "GEMINI_API_KEY": " "}, "SKIP gemini: GEMINI_API_KEY is blank"),
}


@pytest.fixture
def live(make_tiny: Callable[..., TinyProject]) -> TinyProject:
    """A project with a core lane and a release lane with one provider."""
    tiny = make_tiny().lanes(core=CORE, release=RELEASE)
    tiny.section("providers", {"gemini": {"secrets": ["GEMINI_API_KEY"]}}).test(PASSING)
    body = (
        "import os, pytest\n@pytest.mark.provider('gemini')\ndef test_g(): print('key', os.environ['GEMINI_API_KEY'])\n"
    )
    return tiny.test(body, "live/test_g.py")


@pytest.mark.parametrize(("extra", "line"), GATES.values(), ids=GATES.keys())
def test_a_closed_gate(live: TinyProject, extra: dict[str, str], line: str) -> None:
    """A closed gate is one exact line; nothing is called, and the lane is SKIPPED, not GREEN."""
    ran = live.greenlane("lane", "release", **extra)
    assert ran.code == 0, ran.output
    assert line in ran.output.splitlines()
    assert "release: SKIPPED" in ran.output


def test_an_open_gate(live: TinyProject) -> None:
    """With switch and secret one line says so, the test runs and sees its secret, which stands in no artifact."""
    secret = "sk-gemini-9f8e7d"
    ran = live.greenlane("lane", "release", LIVE_PROVIDERS="1", GEMINI_API_KEY=secret, PYTEST_ADDOPTS="-s")
    assert (ran.code, ran.codes) == (1, {"LIVE_LEAK"}), ran.output
    assert "LIVE gemini: LIVE_PROVIDERS is 1, GEMINI_API_KEY is set" in ran.output.splitlines()
    assert "1 passed" in ran.output
    assert secret not in ran.output
    artifacts = [path for path in (live.path / ".artifacts").rglob("*") if path.is_file()]
    assert not [path for path in artifacts if secret.encode() in path.read_bytes()]


def test_ready_says_why_gates_are_closed(live: TinyProject) -> None:
    """`ready` is READY on a green core, writes its reports, and tells of every closed gate."""
    ran = live.greenlane("ready")
    assert ran.code == 0, ran.output
    assert "READY (policy dev)" in ran.output
    page = (live.path / "PROJECT_READY.md").read_text()
    assert page.startswith("# READY\n")
    assert "gemini: closed, LIVE\\_PROVIDERS is not 1; GEMINI\\_API\\_KEY is not set" in page
    assert "| core | deterministic | none but its own loopback | 600 s | dev, deploy, matrix | ran, PASS |" in page
    assert "- lane release: no policy would need it; `nox -s release` runs it" in page
    assert "| core | PASS | `.artifacts/core` |" in page
    report = json.loads((live.path / ".artifacts/verdict.json").read_text())
    assert (report["ready"], report["exit_code"], report["policy"]) == (True, 0, "dev")


def test_a_run_that_fails_early_leaves_no_ready_behind(live: TinyProject) -> None:
    """Yesterday's READY is gone as soon as a new run begins, even when that run decides nothing."""
    assert live.greenlane("ready").code == 0
    (live.path / "locks" / "core.txt").unlink()
    assert live.greenlane("ready").code == 2
    left = ["PROJECT_READY.md", ".artifacts/verdict.json"]
    assert [name for name in left if (live.path / name).exists()] == []


def test_expected_but_closed(live: TinyProject) -> None:
    """A provider that is expected and closed makes `ready` red, naming switch and secret."""
    ran = live.greenlane("ready", "--policy", "deploy", READINESS_EXPECT="gemini")
    assert (ran.code, ran.codes) == (1, {"EXPECTED_NOT_RUN"}), ran.output
    assert "LIVE_PROVIDERS is not 1; GEMINI_API_KEY is not set" in ran.message("EXPECTED_NOT_RUN")
    assert "NOT READY (policy deploy, strict)" in ran.output


def test_unknown_policy(tiny: TinyProject) -> None:
    """An unknown policy is exit 2 and lists the known ones."""
    ran = tiny.test(PASSING).greenlane("ready", "--policy", "prod")
    assert ran.code == 2
    assert "unknown policy 'prod'; known: dev, deploy, matrix" in ran.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "TERM"])
def test_interrupted(tiny: TinyProject, tmp_path: Path, number: int) -> None:
    """A stopped run exits 130, keeps what was written, and leaves no process behind."""
    tiny.lanes(core={**CORE, "test_timeout": 0})
    pipe, scratch = tmp_path / "pids", tmp_path / "scratch"
    scratch.mkdir()
    os.mkfifo(pipe)
    run = tiny.test(f"""
        import os, signal, subprocess, sys
        def test_first(): pass
        def test_hang():
            child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
            with open({str(pipe)!r}, "w") as pipe:
                pipe.write(f"{{os.getpid()}} {{child.pid}}")
            signal.pause()
    """).start("lane", "core", TMPDIR=str(scratch))
    pids = pipe.read_text().split()
    code, output = interrupt(run, number)
    assert code == 130, output
    assert "core: RED" in output
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert "test_first" in (tiny.path / ".artifacts" / "core" / "journal.jsonl").read_text()
    assert list(scratch.iterdir()) == []


def test_budget_variables(tiny: TinyProject) -> None:
    """ALL_SMOKES_CORE_TIMEOUT is the budget in seconds, and READINESS_DISABLE_TIMEOUT takes it away."""
    ran = tiny.test(PASSING).greenlane("lane", "core", ALL_SMOKES_CORE_TIMEOUT="0.001")
    assert ran.code == 1
    assert ran.codes & {"TIMED_OUT", "OVER_BUDGET"}, ran.output
    ran = tiny.greenlane("lane", "core", ALL_SMOKES_CORE_TIMEOUT="0.001", READINESS_DISABLE_TIMEOUT="1")
    assert ran.code == 0, ran.output


def test_wished_workers(tiny: TinyProject) -> None:
    """PYTEST_XDIST_AUTO_NUM_WORKERS is the number of workers of a lane that leaves it to us."""
    tiny.lanes(nd={**ND, "workers": "auto"}).test(
        "import pytest\n@pytest.mark.parametrize('n', range(9))\ndef test_a(n): pass\n"
    )
    ran = tiny.greenlane("lane", "nd", PYTEST_XDIST_AUTO_NUM_WORKERS="3")
    assert ran.code == 0, ran.output
    assert "created: 3/3 workers" in ran.output


def test_a_squatter_on_the_default_port(tiny: TinyProject) -> None:
    """A foreign process on the default port harms nobody: the service has a port of its own, and so has the base."""
    tiny.lanes(nd={**ND, "services": ["toy"]}).section("services", toy()).section(
        "address", {**ADDRESS, "service": "toy"}
    )
    with socket.create_server(("127.0.0.1", 8788)):
        ran = tiny.test(ASKS).greenlane("lane", "nd")
    assert ran.code == 0, ran.output
    assert not ran.verdict["checks"][0]["record"]["result"]["endpoints"]["MINI_AGENT_API_BASE"].endswith(":8788")


MISTAKES = {
    "a switch that is neither on nor off": ({"STRICT_READY": "banana"}, "STRICT_READY: 'banana' is neither on"),
    "an open quotation": ({"PYTEST_ADDOPTS": "-k 'x"}, 'PYTEST_ADDOPTS: "-k \'x": No closing quotation'),
    "a budget that is no number": ({"ALL_SMOKES_CORE_TIMEOUT": "soon"}, "ALL_SMOKES_CORE_TIMEOUT: 'soon'"),
}


@pytest.mark.parametrize(("extra", "text"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes_in_the_environment(tiny: TinyProject, extra: dict[str, str], text: str) -> None:
    """A value that would silently mean something else is exit 2 and says what is allowed."""
    ran = tiny.test(PASSING).greenlane("lane", "core", **extra)
    assert ran.code == 2
    assert text in ran.output


def test_missing_tests(tiny: TinyProject) -> None:
    """A lane whose tests are not there is a configuration error, before anything is built."""
    ran = tiny.greenlane("lane", "core")
    assert ran.code == 2
    assert "lanes.core.tests: tests does not exist" in ran.output


def test_files_of_the_user_are_not_removed(tiny: TinyProject) -> None:
    """A folder that no lane has written is left alone, whatever the configuration calls it."""
    kept = tiny.test(PASSING).path / "data" / "core" / "precious.txt"
    tiny.write("data/core/precious.txt", "precious").section("artifacts", "data")
    ran = tiny.greenlane("lane", "core")
    assert ran.code == 2, ran.output
    assert "holds files that no lane has written" in ran.output
    assert kept.read_text() == "precious"


def test_artifacts_that_are_a_file(tiny: TinyProject) -> None:
    """A file where the artifacts belong is said so, without a traceback."""
    ran = tiny.test(PASSING).write(".artifacts", "").greenlane("lane", "core")
    assert ran.code == 2, ran.output
    assert "CONFIG_ERROR: " in ran.output
    assert "Traceback" not in ran.output


def test_another_configuration_of_pytest(tiny: TinyProject) -> None:
    """`-c` takes the project's own pytest settings away, and is never green."""
    ran = tiny.test(PASSING).greenlane("lane", "core", PYTEST_ADDOPTS="-c /dev/null")
    assert ran.code == 1
    assert "-c" in ran.message("PARTIAL"), ran.output


def test_term_while_an_environment_is_built(make_tiny: Callable[..., TinyProject], tmp_path: Path) -> None:
    """TERM during an installation exits 130, says so, and leaves no installer running."""
    tiny = make_tiny(own=True).lanes().test(PASSING)
    (tiny.environments / "core" / "greenlane-environment.json").unlink()
    pipe, programs = tmp_path / "pid", tmp_path / "bin"
    os.mkfifo(pipe)
    uv = programs / "uv"
    programs.mkdir()
    uv.write_text(f"#!/bin/sh\necho $$ > {pipe}\nexec sleep 600\n")
    uv.chmod(0o755)
    run = tiny.start("lane", "core", GREENLANE_UV=str(uv))
    pid = pipe.read_text().strip()
    code, output = interrupt(run, signal.SIGTERM)
    assert code == 130, output
    assert "INTERRUPTED" in output
    assert not Path(f"/proc/{pid}").exists()
