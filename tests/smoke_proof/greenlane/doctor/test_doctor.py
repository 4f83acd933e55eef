"""`greenlane doctor`: what would happen and why, and the next step for each problem."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shutil
import socket
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from support.tiny import ADDRESS, CORE, ROUTER, TinyProject

PASSING = "def test_ok(): pass\n"
ND = {"kind": "nondeterministic", "tests": ["tests"], "shards": ["a", "b"], "workers": "auto", "services": ["toy"]}
LIVE = {"kind": "release", "tests": ["tests"], "providers": ["gemini"]}
LISTING = str(Path(__file__).parents[3] / "support" / "model_list.py")


PATIENT = ("--patience", "30")
"""For a machine that has other things to do."""


@pytest.fixture
def project(tiny: TinyProject) -> TinyProject:
    """A project with a lane of each kind, a service that is an address, and a provider."""
    tiny.lanes(core=CORE, nd=ND, release=LIVE).section("services", {"toy": {"command": ["toy"]}})
    tiny.section("router", ROUTER).section("address", {**ADDRESS, "service": "toy"}).section(
        "providers", {"gemini": {"secrets": ["GEMINI_API_KEY"]}}
    )
    return tiny.test(PASSING)


def diagnosis(project: TinyProject, *words: str, **extra: str) -> dict[str, Any]:
    """Return what `doctor --json` says."""
    ran = project.greenlane("doctor", "--json", *(words or PATIENT), **extra)
    content: dict[str, Any] = json.loads(ran.output)
    assert content["exit_code"] == ran.code
    return content


GLANCE = """\
would be able to run: yes, nothing stands in the way of policy dev

project         {path}, greenlane *
lanes           needed core; beside them nd, release
evidence        core would run: no earlier run of it was kept
locks           3 fresh
interpreters    Python *
isolation       kernel
base            follows service toy, started on a free port
guards          router: must resolve: codex-agent-1; a stub is written to .artifacts/router_stub.yaml
services        toy
live providers  0 of 1 open
options         *
environment     0 of * names set
everything that was looked at: greenlane doctor --all; for a script: --json
"""


def test_a_healthy_project(project: TinyProject) -> None:
    """The verdict is the first line, then there is one line for each section; exit 0, and nothing is written."""
    before = sorted(project.path.rglob("*"))
    ran = project.greenlane("doctor", *PATIENT)
    assert ran.code == 0, ran.output
    for line, pattern in zip(ran.output.splitlines(), GLANCE.format(path=project.path).splitlines(), strict=True):
        assert fnmatchcase(line, pattern if len(line) < 120 else "*…"), line
    assert sorted(project.path.rglob("*")) == before


def test_all_of_it(project: TinyProject) -> None:
    """On request everything that was looked at is shown, each fact in a line."""
    lines = project.greenlane("doctor", "--all", *PATIENT).output.splitlines()
    for section in ("lanes", "locks", "interpreters", "isolation", "base", "guards", "services", "live providers",
                    "expected", "options", "environment"):  # fmt: skip
        assert any(line.startswith(f"{section}: ") for line in lines), section
    for row in (
        "  locks/core.txt: state fresh; lanes core",
        "  nd: needed no; kind nondeterministic; checks nd/a, nd/b; budget 1200.0; services toy;",
        "  gemini: lane release; open no; reason LIVE_PROVIDERS is not 1; GEMINI_API_KEY is not set;",
        "  toy: lanes nd; port a free port of its own",
        '  lanes.core.kind: value "deterministic"; source pyproject.toml',
        "  MINI_AGENT_API_BASE: meaning the one base",
        "  source: service toy, started on a free port",
    ):
        assert any(line.startswith(row) for line in lines), row


def test_more_problems_than_a_screen_holds(project: TinyProject) -> None:
    """Eight are told, worst first, and how many more there are; the screen of forty lines is kept."""
    lanes = {f"l{number}": {**CORE, "tests": [f"absent{number}"]} for number in range(20)}
    lines = project.lanes(**lanes).greenlane("doctor", *PATIENT).output.splitlines()
    assert lines[0].startswith("would be able to run: no, 2")
    assert sum(line.startswith(("CONFIG_ERROR", "PROBLEM", "WARNING")) for line in lines) == 8
    assert re.fullmatch(r"and \d+ more: greenlane doctor --all", lines[17])
    assert len(lines) <= 40
    every = project.greenlane("doctor", "--all", *PATIENT).output
    assert every.count("does not exist") == 20


def test_every_option_has_its_source(project: TinyProject) -> None:
    """File and environment: what is not at its default says where it comes from, and an empty variable is no source."""
    extra = {
        "STRICT_READY": "1", "ALL_SMOKES_ND_TIMEOUT": "90", "PYTEST_XDIST_AUTO_NUM_WORKERS": "6", "READINESS_LIVE": "",
        "READINESS_EXPECT": "nd/b",
    }  # fmt: skip
    found = diagnosis(project, **extra)
    options = {option["key"]: (option["value"], option["source"]) for option in found["options"]}
    assert options["lanes.nd.budget"] == ("90.0", "environment ALL_SMOKES_ND_TIMEOUT")
    assert options["lanes.core.kind"] == ('"deterministic"', "pyproject.toml")
    assert options["strict"] == ("true", "environment STRICT_READY")
    assert options["expected"] == ('["nd/b"]', "environment READINESS_EXPECT")
    assert options["lanes.nd.workers"] == ("6", "environment PYTEST_XDIST_AUTO_NUM_WORKERS")
    assert "live" not in options
    assert found["strict"]
    assert next(lane["workers"] for lane in found["lanes"] if lane["name"] == "nd") == 6
    assert [(e["name"], e["lanes"]) for e in found["expected"]] == [("nd/b", ["nd"])]


COMPROMISED = "litellm==1.82.8 \\\n    --hash=sha256:" + "0" * 64 + "\n"
ROUTES = "model_list: [{model_name: fast, litellm_params: {model: openai/x}}]\n"
WRONG = {
    "STRICT_READY": "1", "CODEX_AGENT_API_BASE": "http://127.0.0.1:9", "LITELLM_ROUTER_CONFIG": "r.yaml",
    "READINESS_EXPECT": "gemini", "PYTEST_ADDOPTS": "-q -k 'not slow'",
}  # fmt: skip
PROBLEMS = {
    "CONFIG_ERROR: lock locks/core.txt is refused: it names litellm==1.82.8": "pin another version",
    "CONFIG_ERROR: lanes.core.tests: tests does not exist": "make it, or change `tests`",
    "CONFIG_ERROR: ADDRESS_DRIFT CODEX_AGENT_API_BASE is http://127.0.0.1:9": "Set one of them",
    "CONFIG_ERROR: GROUP_MISSING": "Add the group to model_list",
    "PROBLEM: EXPECTED_NOT_RUN gemini is expected (READINESS_EXPECT) and could not run: LIVE": "Provide what",
    "PROBLEM: PARTIAL PYTEST_ADDOPTS selects tests (-k)": "unset PYTEST_ADDOPTS",
}


def steps(output: str) -> dict[str, str]:
    """Return the next step of each problem that stands in the way."""
    lines = output.splitlines()
    return {line: lines[i + 1] for i, line in enumerate(lines) if line.startswith(("PROBLEM: ", "CONFIG_ERROR: "))}


def test_every_problem_has_its_next_step(project: TinyProject) -> None:
    """All of them are told at once, each with its code and what to do, and the exit code is that of a run."""
    project.write("r.yaml", ROUTES).write("locks/core.txt", COMPROMISED)
    shutil.rmtree(project.path / "tests")
    ran = project.greenlane("doctor", *PATIENT, **WRONG)
    assert ran.code == 2, ran.output
    told = steps(ran.output)
    for problem, step in PROBLEMS.items():
        (found,) = [line for line in told if line.startswith(problem)]
        assert told[found].startswith(f"  next: {step}")
    first = f"would be able to run: no, {len(told)} problems in the way of policy dev, strict"
    assert ran.output.splitlines()[0] == first
    assert "Traceback" not in ran.output


def test_what_is_no_setting_is_exit_1(project: TinyProject) -> None:
    """A closed gate that is expected, or a selection, makes a run red, and is no wrong configuration."""
    ran = project.greenlane("doctor", *PATIENT, READINESS_EXPECT="gemini", PYTEST_ADDOPTS="--lf")
    assert (ran.code, len(steps(ran.output))) == (1, 2), ran.output


def test_what_cannot_be_read_is_a_problem_too(project: TinyProject) -> None:
    """No address as the base, no router configuration where it was said to be, no lock: exit 2 and no traceback."""
    (project.path / "locks" / "core.txt").unlink()
    ran = project.greenlane("doctor", *PATIENT, MINI_AGENT_API_BASE="ftp://x", LITELLM_ROUTER_CONFIG="r.yaml")
    assert ran.code == 2, ran.output
    told = "\n".join(steps(ran.output))
    for problem in ("'ftp://x' is not an address", "r.yaml: No such file or directory", "locks/core.txt is missing"):
        assert problem in told
    assert "make it with `nox -s lock`" in ran.output
    assert "Traceback" not in ran.output


def test_what_another_lane_lacks_is_a_warning(project: TinyProject) -> None:
    """A lock or interpreter that the policy does not need does not stand in its way; for `deploy` it does."""
    project.sections["lanes"]["nd"] = {**ND, "python": "3.99"}
    project.lanes(**project.sections["lanes"])
    (project.path / "locks" / "nd.txt").unlink()
    ran = project.greenlane("doctor", *PATIENT)
    assert ran.code == 0, ran.output
    assert "WARNING: CONFIG_ERROR lock locks/nd.txt is missing" in ran.output
    assert "WARNING: CONFIG_ERROR Python 3.99, which nd needs, is not there" in ran.output
    assert project.greenlane("doctor", "--policy", "deploy", *PATIENT).code == 2


def test_a_stale_lock_says_what_it_lacks(project: TinyProject) -> None:
    """A requirement that the lock lacks or has in another version makes it stale; others do not."""
    config = (project.path / "pyproject.toml").read_text()
    groups = '[dependency-groups]\ncore = ["msgspec>=999", "nowhere", "tomli; python_version < \'3\'", "pytest>=9"]\n\n'
    found = diagnosis(project.write("pyproject.toml", groups + config))
    states = {lock["path"]: (lock["state"], lock["reason"]) for lock in found["locks"]}
    assert states["locks/nd.txt"][0] == "fresh"
    assert states["locks/core.txt"][0] == "stale"
    reason = states["locks/core.txt"][1]
    assert "msgspec>=999 is wanted, the lock has " in reason
    assert "nowhere is wanted, the lock lacks it" in reason
    assert "tomli" not in reason
    assert "pytest>=9" not in reason


SECRET = "sk-gemini-5e9f1c77"


@pytest.mark.parametrize("words", [("--all",), ("--json",)], ids=["text", "json"])
def test_the_value_of_a_secret_is_never_shown(project: TinyProject, words: tuple[str, ...]) -> None:
    """Not where it stands by mistake either: in options of pytest, in an address, in the configuration."""
    project.sections["lanes"]["nd"] = {**ND, "env": ["DB_PASSWORD=hunter2-in-the-file", "PLAIN=shown"]}
    project.lanes(**project.sections["lanes"])
    extra = {
        "LIVE_PROVIDERS": "1", "GEMINI_API_KEY": f"{SECRET} ", "PYTEST_ADDOPTS": f"--token={SECRET}",
        "MINI_AGENT_API_BASE": "http://user:hunter2-of-the-user@127.0.0.1:9",
        "READINESS_EXPECT": "gemini",
    }  # fmt: skip
    ran = project.greenlane("doctor", *words, *PATIENT, **extra)
    assert SECRET not in ran.output
    assert "hunter2" not in ran.output
    assert "--token=[redacted]" in ran.output
    assert "present" in ran.output
    assert "PLAIN=shown" in ran.output


def test_a_base_that_does_not_answer(project: TinyProject) -> None:
    """A base that accepts and is silent holds nobody up; it is a problem for those lanes that would use it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        base = f"http://127.0.0.1:{silent.getsockname()[1]}"
        found = diagnosis(project, "--policy", "deploy", MINI_AGENT_API_BASE=base)
    assert (found["base"]["url"], found["base"]["reachable"]) == (base, False)
    assert found["base"]["variables"]["MINI_AGENT_API_BASE"] == f"{base} (environment)"
    assert found["base"]["variables"]["CODEX_AGENT_API_BASE"] == f"{base} (follows the base)"
    (problem,) = [problem for problem in found["problems"] if problem["code"] == "SERVICE_DOWN"]
    assert problem["stands"]
    assert problem["message"].startswith(f"nothing answers at {base} (environment MINI_AGENT_API_BASE)")
    assert "unset the variable" in problem["next_step"]


def test_a_base_at_which_nobody_listens(project: TinyProject) -> None:
    """On this machine that is no problem: the service would be started there."""
    project.section("services", {"toy": {"command": ["toy", "{port}"]}})
    with socket.create_server(("127.0.0.1", 0)) as server:
        base = f"http://127.0.0.1:{server.getsockname()[1]}"
    found = diagnosis(project, "--policy", "deploy", MINI_AGENT_API_BASE=base)
    assert (found["base"]["url"], found["base"]["reachable"], found["base"]["starts"]) == (base, False, True)
    assert "SERVICE_DOWN" not in {problem["code"] for problem in found["problems"]}
    assert f"{base} is examined, started there when nobody listens" in {s["port"] for s in found["services"]}


def test_a_model_server(project: TinyProject) -> None:
    """A server of local models is found by the variable that names it, with the models that it lists."""
    instead = {"variable": "OLLAMA_API_BASE", "ready": "/api/version", "models": "/api/tags"}
    project.section("services", {"toy": {"command": ["toy"], "models": "/v1/models", "instead": instead}})
    command = [sys.executable, LISTING, "small-model", "other"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout
        base = server.stdout.readline().split()[-1]
        found = diagnosis(project, OLLAMA_API_BASE=base)
        server.terminate()
    (service,) = found["services"]
    assert (service["instead"], service["models"]) == (base, "small-model, other")


def test_where_nothing_but_the_lane_environment_is(project: TinyProject) -> None:
    """With the standard library and msgspec alone, without rich and YAML, the doctor says the same."""
    assert project.greenlane("lane", "core").code == 0
    python = project.environments / "core" / "bin" / "python"
    command = [str(python), "-P", "-m", "greenlane", "doctor", "--project", str(project.path), *PATIENT]
    done = subprocess.run(command, env=project.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("would be able to run: yes, nothing stands in the way of policy dev\n")


def test_an_unknown_policy(project: TinyProject) -> None:
    """A policy that is not there is exit 2 and lists the known ones."""
    ran = project.greenlane("doctor", "--policy", "prod")
    assert ran.code == 2
    assert "CONFIG_ERROR: unknown policy 'prod'; known: dev, deploy" in ran.output


def test_a_number_of_workers_that_is_none(project: TinyProject) -> None:
    """A variable that would silently mean something else is refused."""
    ran = project.greenlane("doctor", PYTEST_XDIST_AUTO_NUM_WORKERS="six")
    assert ran.code == 2
    assert "CONFIG_ERROR: PYTEST_XDIST_AUTO_NUM_WORKERS: 'six' is not a number of processes" in ran.output


@pytest.mark.parametrize(("extra", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)], ids=["colours", "NO_COLOR"])
def test_on_a_terminal(project: TinyProject, extra: dict[str, str], coloured: bool) -> None:
    """On a terminal problems stand out, and the words are the same; NO_COLOR is heeded."""
    (project.path / "locks" / "core.txt").unlink()
    ours, theirs = pty.openpty()
    environ = project.environment(TERM="xterm-256color", **extra)
    with subprocess.Popen(project.command("doctor", *PATIENT), env=environ, stdout=theirs) as doctor:
        os.close(theirs)
        text = read_all(ours)
    assert doctor.returncode == 2
    assert "CONFIG_ERROR: lock locks/core.txt is missing" in text
    assert ("\x1b[" in text) is coloured


def read_all(descriptor: int) -> str:
    """Return what was written to a terminal whose other side is closed."""
    parts = []
    with contextlib.suppress(OSError):  # how Linux tells of the other side's end
        while part := os.read(descriptor, 65536):
            parts.append(part)
    os.close(descriptor)
    return b"".join(parts).decode()
