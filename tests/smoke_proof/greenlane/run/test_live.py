"""Live providers through the command line: when their gates open, and what counts as evidence that they answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.tiny import ADDRESS, CORE, TinyProject

HOST = "api.real.example"
LIVE: dict[str, Any] = {
    "kind": "release", "tests": ["live"], "providers": ["real", "agent", "memory"], "test_timeout": 20,
}  # fmt: skip
PROVIDERS: dict[str, Any] = {
    "real": {"secrets": ["REAL_KEY"], "model": "big-1", "host": HOST},
    "agent": {"variables": ["CODEX_AGENT_API_BASE"]},
    "memory": {"secrets": ["MEMORY_KEY"], "kind": "memory"},
}
OPEN = {"LIVE_PROVIDERS": "1", "REAL_KEY": "sk-real-key"}
TEST = """
    import pytest
    @pytest.mark.provider("real")
    def test_real(answered):
        {body}
"""


def show(prompt: str = "1+1?", text: str = "2", model: str = "big-1-2026", host: str = HOST, **more: Any) -> str:
    """Return the line of a test that shows an answer."""
    return f"answered({prompt!r}, {text!r}, model={model!r}, tokens={more.pop('tokens', 1)}, host={host!r}, **{more!r})"


@pytest.fixture
def project(make_tiny: Callable[..., TinyProject]) -> TinyProject:
    """A project with a core lane and a release lane of three providers."""
    tiny = make_tiny().lanes(core=CORE, release=LIVE).section("providers", PROVIDERS).section("address", ADDRESS)
    return tiny.test("def test_ok(): pass\n")


def released(project: TinyProject, *lines: str) -> TinyProject:
    """Give a project a release test with these lines."""
    return project.test(TEST.format(body="; ".join(lines) or "pass"), "live/test_live.py")


SECOND = show("2+2?", "4")


def test_answers_of_the_host_are_evidence(project: TinyProject) -> None:
    """Strict and expected, two different answers of the model at its own host are green, and the row names it."""
    ran = released(project, show(), SECOND).greenlane(
        "lane", "release", STRICT_READY="1", READINESS_EXPECT="real", **OPEN
    )
    assert (ran.code, ran.codes) == (0, set()), ran.output
    assert "LIVE real: LIVE_PROVIDERS is 1, REAL_KEY is set" in ran.output.splitlines()
    assert "big-1-2026" in ran.output


def test_a_willing_server_elsewhere_is_refused(project: TinyProject) -> None:
    """Right answers of a server on loopback make a provider that has a host of its own CANNED, and the run red."""
    here = {"host": "http://127.0.0.1:8788"}
    ran = released(project, show(**here), show("2+2?", "4", **here)).greenlane(
        "lane", "release", STRICT_READY="1", **OPEN
    )
    assert (ran.code, ran.codes) == (1, {"CANNED"}), ran.output
    assert f"http://127.0.0.1:8788 answered, not {HOST}" in ran.message("CANNED")
    row = next(check for check in ran.verdict["checks"] if check["name"] == "real")
    assert row["status"] == "failed"


def test_it_is_a_warning_when_nobody_insists(project: TinyProject) -> None:
    """Not strict and not expected, the run is green and says what it is worth."""
    ran = released(project).greenlane("lane", "release", **OPEN)
    assert (ran.code, ran.codes) == (0, set()), ran.output
    assert "WARNING: CANNED [release] real: no test showed an answer of it" in ran.output


SEEN = """
    import os, pytest
    @pytest.mark.provider("agent")
    def test_agent(answered):
        assert os.environ["CODEX_AGENT_API_BASE"] == "http://127.0.0.1:8788"
        assert "REAL_KEY" not in os.environ
"""


def test_a_provider_at_the_one_base(project: TinyProject) -> None:
    """A variable that is no secret opens a gate, too; the base counts however it was exported, and is not redacted."""
    ran = project.test(SEEN, "live/test_live.py").greenlane("lane", "release", LIVE_PROVIDERS="1")
    assert "SKIP agent: CODEX_AGENT_API_BASE is not set" in ran.output.splitlines()
    ran = project.greenlane("lane", "release", LIVE_PROVIDERS="1", REAL_KEY=" ", MINI_AGENT_API_PORT="8788")
    assert (ran.code, ran.codes) == (0, set()), ran.output
    lines = ran.output.splitlines()
    assert "LIVE agent: LIVE_PROVIDERS is 1, CODEX_AGENT_API_BASE is set" in lines
    assert "SKIP real: REAL_KEY is blank" in lines
    assert "1 passed" in ran.output


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("key", id="as-it-is"),
        pytest.param("json.dumps({'key': key})", id="json"),
        pytest.param("repr(key)", id="python"),
        pytest.param("'https://x/?key=' + quote(key, safe='')", id="address"),
        pytest.param("'Bearer ' + key.strip() + '.'", id="stripped"),
    ],
)
def test_a_secret_is_not_printed(project: TinyProject, written: str) -> None:
    """However a test writes a secret: not in the live output, not in the artifacts, and the verdict says LIVE_LEAK."""
    body = "import json, os; from urllib.parse import quote; key = os.environ['REAL_KEY']"
    ran = released(project, body, f"print({written}, flush=True)", "assert False, key").greenlane(
        "lane", "release", LIVE_PROVIDERS="1", REAL_KEY=' s3cr"et\\/key\n', PYTEST_ADDOPTS="-s"
    )

    files = (path.read_text(errors="replace") for path in (project.path / ".artifacts").rglob("*") if path.is_file())
    for text in (ran.output, *files):
        assert "s3cr" not in text
    assert "LIVE_LEAK" in ran.codes
    assert "REAL_KEY in the output" in ran.output
