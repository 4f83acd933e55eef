"""Commands that people have in their scripts: those of docs/operators.md, run as they stand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.tiny import ADDRESS, CORE, NOXFILE, Ran, TinyProject

ROOT = Path(__file__).parents[3]
TOY = str(ROOT / "tests" / "support" / "toy_service.py")
PAGE = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
(BLOCK,) = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = BLOCK.splitlines()
HEADLINE, BASE, LIVE, WORKERS, NOT_B, ONLY_B, BUDGET = COMMANDS
FILES = 4
ALONE = {"PYTEST_XDIST_AUTO_NUM_WORKERS": "0"}
"""Workers matter to one of these commands only."""

TEST = """\
import os
def test_one(): pass
def test_base(): assert os.environ["CODEX_AGENT_API_BASE"] == os.environ["MINI_AGENT_API_BASE"]
"""


@pytest.fixture
def project(tiny: TinyProject) -> TinyProject:
    """A project with an nd lane of two shards, a service, and a release lane."""
    nd = {"kind": "nondeterministic", "tests": ["nd"], "shards": ["shard_a", "shard_b"], "services": ["toy"]}
    release = {"kind": "release", "tests": ["live"], "providers": ["gemini"]}
    tiny.lanes(core={**CORE, "aliases": ["all_smokes_core"]}, nd={**nd, "workers": "auto"}, release=release)
    tiny.section("services", {"toy": {"command": [sys.executable, TOY, "{port}"], "identity": "/healthz"}})
    tiny.section("address", {**ADDRESS, "service": "toy"}).section(
        "providers", {"gemini": {"secrets": ["GEMINI_API_KEY"]}}
    )
    pinned = "import pytest\n@pytest.mark.shard('{}')\ndef test_pinned(): pass\n"
    for shard in ("shard_a", "shard_b"):
        tiny.write(f"nd/test_pinned_{shard[-1]}.py", pinned.format(shard))
    for number in range(FILES):
        tiny.write(f"nd/test_{number}.py", TEST)
    body = "import pytest\n@pytest.mark.provider('gemini')\ndef test_live(): raise OSError('called')\n"
    tiny.test("def test_ok(): pass\n")
    return tiny.test(body, "live/test_live.py").write("noxfile.py", NOXFILE)


def shell(project: TinyProject, command: str, **extra: str) -> Ran:
    """Run a command of the page in a shell, as somebody pastes it."""
    done = subprocess.run(
        ["sh", "-c", command], cwd=project.path, env=project.environment(NOX_SCRIPT_MODE="none", **ALONE, **extra),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False,
    )  # fmt: skip
    words = ("release",) if "release" in command else ("nd",)
    return Ran(done.returncode, done.stdout.decode(), project.verdict(words))


def events(project: TinyProject, kind: str, shard: str = "*") -> Iterator[dict[str, Any]]:
    """Yield the events of a kind in the journals of both shards, or of one."""
    for path in sorted((project.path / ".artifacts" / "nd").glob(f"{shard}/journal.jsonl")):
        yield from (event for event in map(json.loads, path.read_text().splitlines()) if event["event"] == kind)


def ran_tests(project: TinyProject, shard: str = "*") -> set[str]:
    """Return the tests that ran in either shard, or in one."""
    return {event["nodeid"] for event in events(project, "test_finished", shard)}


@pytest.mark.parametrize(("body", "code", "word"), [("pass", 0, "READY"), ("pytest.skip('later')", 1, "NOT READY")])
def test_the_headline_command(project: TinyProject, body: str, code: int, word: str) -> None:
    """Strict, live checks asked for, core expected by its old name: READY, and NOT READY where a test is skipped.

    The session hands over to the control environment, which needs an index; what it starts there is started here.
    """
    project.test(f"import pytest\ndef test_ok(): {body}\n")
    session = "nox -s ready"
    assert HEADLINE.endswith(session)
    ran = shell(project, HEADLINE.replace(session, f"{sys.executable} -P -m greenlane ready"))
    assert ran.code == code, ran.output
    assert ran.output.splitlines()[-1].startswith(f"{word} (policy dev, strict)")


def test_the_base_is_exported_once(project: TinyProject) -> None:
    """At the very port of the page: started where nobody listens, examined where somebody does."""
    ran = shell(project, BASE, STRICT_READY="1")
    assert (ran.code, ran.codes) == (0, set()), ran.output
    assert "service toy: nobody listens at http://127.0.0.1:8788, so it is started there" in ran.output
    with subprocess.Popen([sys.executable, TOY, "8788"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as service:
        assert service.stdout
        assert service.stdout.readline().decode().strip().endswith(":8788")
        ran = shell(project, BASE, STRICT_READY="1")
        service.terminate()
    assert (ran.code, ran.codes) == (0, set()), ran.output
    assert "service toy: found at http://127.0.0.1:8788" in ran.output
    assert "nd/shard_a | base http://127.0.0.1:8788 from environment MINI_AGENT_API_BASE" in ran.output


def test_live_providers_switched_off(project: TinyProject) -> None:
    """`LIVE_PROVIDERS=0` closes every gate, secret or not, and calls nobody."""
    ran = shell(project, LIVE, GEMINI_API_KEY="sk-of-a-test")
    assert ran.code == 0, ran.output
    assert "SKIP gemini: LIVE_PROVIDERS is not 1" in ran.output.splitlines()
    assert "release: SKIPPED" in ran.output


def test_six_workers_without_a_budget(project: TinyProject) -> None:
    """Six workers really run tests, whatever this machine has, and the lane has no deadline."""
    lanes = project.sections["lanes"]
    lanes["nd"].pop("shards")
    project.lanes(**lanes)
    for shard in "ab":
        (project.path / f"nd/test_pinned_{shard}.py").unlink()
    ran = shell(project, WORKERS, ALL_SMOKES_ND_TIMEOUT="0.001")
    assert (ran.code, ran.codes) == (0, set()), ran.output
    (check,) = ran.verdict["checks"]
    assert (check["record"]["workers"], check["record"]["budget"]) == ("6", 0.0)
    assert "created: 6/6 workers" in ran.output
    started = {event["worker"] for event in events(project, "started", ".")} - {"main"}
    assert started == {f"gw{number}" for number in range(6)}


def test_shards_by_keyword_and_a_budget(project: TinyProject) -> None:
    """`-k` with and without a shard's name gives two sets, neither empty, that share nothing and are the whole.

    Each of these runs is the verdict of its shards; `ALL_SMOKES_ND_TIMEOUT` is the budget of each.
    """
    parts = []
    for command, shard in ((NOT_B, "shard_a"), (ONLY_B, "shard_b")):
        ran = shell(project, command)
        assert (ran.code, ran.codes) == (0, set()), ran.output
        assert [check["name"] for check in ran.verdict["checks"]] == [f"nd/{shard}"]
        parts.append(ran_tests(project, shard))
    without, only = parts
    assert without
    assert only
    assert not without & only
    whole = shell(project, BUDGET)
    assert (whole.code, whole.codes) == (0, set()), whole.output
    assert {check["record"]["budget"] for check in whole.verdict["checks"]} == {1200.0}
    assert without | only == ran_tests(project)
    shard_b = project.path / ".artifacts" / "nd" / "shard_b" / "journal.jsonl"
    assert only == {
        e["nodeid"] for e in map(json.loads, shard_b.read_text().splitlines()) if e["event"] == "test_finished"
    }


def test_pinned_shards_by_keyword_without_a_lane(project: TinyProject) -> None:
    """Plain pytest knows the shards that tests are pinned to."""
    assert project.greenlane("lane", "nd", "shard_a", **ALONE).code == 0
    python = project.environments / "nd" / "bin" / "python"
    found = {}
    for words in ("shard_b", "not shard_b"):
        command = [str(python), "-m", "pytest", "nd", "-q", "--collect-only", "-p", "no:cacheprovider", "-k", words]
        done = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        found[words] = {line for line in done.stdout.splitlines() if "::" in line}
    assert found["shard_b"] == {"nd/test_pinned_b.py::test_pinned"}
    assert len(found["not shard_b"]) == 2 * FILES + 1
    assert not found["shard_b"] & found["not shard_b"]


def test_the_makefile_has_these_targets_in_one_line_each() -> None:
    """No target without a test, and no recipe that could swallow anything."""
    text = (ROOT / "Makefile").read_text()
    rules = re.findall(r"^([a-z-]+):\n((?:\t.*\n)*)", text, re.MULTILINE)
    assert [name for name, _ in rules] == re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE)
    assert {recipe.count("\n") for _, recipe in rules} == {1}
    assert re.findall(r"^\t[-@+].*|\|\||; |\|", "".join(recipe for _, recipe in rules)) == []
