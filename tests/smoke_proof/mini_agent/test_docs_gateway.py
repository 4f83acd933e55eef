"""The gateway's first quarter of an hour, as README and the page of agent runs tell it: executed as they stand."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.gateway import GatewayProcess, Stage, inherited
from support.reference_environment import environment
from support.upstream import answer

ROOT = Path(__file__).resolve().parents[3]
ADDRESS = "http://127.0.0.1:8788"


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a language on a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def shell(command: str, environ: dict[str, str]) -> str:
    """Return what a command prints. It must succeed, and complain of nothing."""
    words = ["bash", "-c", command]
    done = subprocess.run(
        words, env={**inherited(), **environ}, capture_output=True, text=True, check=False, timeout=50
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_readme_leads_to_a_first_answer(stage: Stage, tmp_path: Path) -> None:
    """Ten lines of configuration, the start, the first request: only provider and port are others."""
    (config,) = blocks("README.md", "yaml")
    assert len(config.splitlines()) == 10
    (tmp_path / "mini_agent.yaml").write_text(config, encoding="utf-8")
    (console,) = [text for text in blocks("README.md", "console") if "mini-agent serve" in text]
    exported, started, announced, asked, answered = console.splitlines()
    environ = dict(word.split("=", 1) for word in exported.removeprefix("$ export ").split())
    assert environ["OPENAI_BASE_URL"] == "https://api.openai.com/v1"
    stage.upstream.script(answer(json.loads(answered)))
    environ |= {"OPENAI_BASE_URL": stage.upstream.base, "MINI_AGENT_API_PORT": "0"}
    words = started.removeprefix("$ mini-agent ").split()
    with GatewayProcess(*words, environ=environ, folder=tmp_path) as gateway:
        assert gateway.wait_listening().startswith(announced.removesuffix("8788"))
        printed = shell(asked.removeprefix("$ ").replace(ADDRESS, gateway.url), environ)
    assert json.loads(printed) == json.loads(answered)
    (request,) = stage.upstream.requests
    assert request.body["model"] == "gpt-4o-mini"
    assert ("authorization", "Bearer sk-your-key") in request.headers


def contains(part: Any, whole: Any) -> bool:
    """Return whether every key of one object has its value in another."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(contains(value, whole.get(key)) for key, value in part.items())
    return bool(part == whole)


def test_the_page_of_agent_runs_is_true(tmp_path: Path) -> None:
    """Each command answers what stands behind it."""
    start, *asked = blocks("docs/agent-run.md", "sh")
    answers = [json.loads(text) for text in blocks("docs/agent-run.md", "json")]
    variable, command = start.split(maxsplit=1)
    environ = dict([variable.split("=", 1)])
    words = command.removeprefix("mini-agent ").split()
    with GatewayProcess(*words, "--port", "0", environ=environ, folder=tmp_path) as gateway:
        gateway.wait_listening()
        for command, expected in zip(asked, answers, strict=True):
            printed = json.loads(shell(command, {"BASE": gateway.url}))
            assert contains(expected, printed), printed


READ = re.compile(
    r"environ(?:\.get\(|\[)\"([A-Z][A-Z_0-9]+)\"|_VARIABLE = \"([A-Z_]+)\"|^    \"(DOCKER_HOST)\"", re.MULTILINE
)


def test_every_variable_that_the_code_names_is_on_the_page() -> None:
    """Whatever is read by a name of ours, of the system or of GitHub stands on the page of variables."""
    page = environment()
    read = {
        name
        for path in (ROOT / "src").rglob("*.py")
        for found in READ.findall(path.read_text(encoding="utf-8"))
        for name in found
        if name
    }
    assert len(read) > 20
    assert sorted(name for name in read if f"`{name}`" not in page) == []


@pytest.mark.parametrize(
    "name", ["MINI_AGENT_MASTER_KEY", "INTERCEPTOR_PORT", "STRICT_READY", "GREENLANE_UV", "GITHUB_TOKEN"]
)
def test_the_page_has_both_houses(name: str) -> None:
    """Variables of gateway, interceptor and harness, each with a meaning."""
    (row,) = [line for line in environment().splitlines() if line.startswith(f"| `{name}`")]
    assert len(row.split("|")[3].strip()) > 5
