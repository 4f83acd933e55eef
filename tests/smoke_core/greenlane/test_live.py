"""Live providers through the command line: when their gates open, and what counts as evidence that they answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.tiny import CORE, TinyProject

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
    return make_tiny().lanes(core=CORE, release=LIVE).section("providers", PROVIDERS).test("def test_ok(): pass\n")


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


NO_EVIDENCE = {
    "nothing shown": ((), "no test showed an answer of it"),
    "a server on loopback": (
        (show(host="http://127.0.0.1:8788"), show("2+2?", "4", host="http://127.0.0.1:8788")),
        f"http://127.0.0.1:8788 answered, not {HOST}",
    ),
    "nobody knows where": ((show(host=""), SECOND), f"nobody knows who answered, not {HOST}"),
    "another model": ((show(model="tiny-1"), SECOND), "tiny-1 answered, big-1 was to be asked"),
    "a dummy": ((show(model="dummy-1"), SECOND), "dummy-1 is no model"),
    "an echo mode": ((show(request="shim-1"), SECOND), "its id shim-1 is that of an echoed answer"),
    "an echo": ((show("tell me about a fox", "tell me about a fox"), SECOND), "it echoes its prompt"),
    "canned": ((show(), show("2+2?", "2")), "2 different prompts got the same answer"),
    "one answer": ((show(),), "one prompt proves nothing"),
    "no tokens": ((show(tokens=0), SECOND), "it cost no tokens"),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "message"), NO_EVIDENCE.values(), ids=NO_EVIDENCE.keys())
def test_what_is_no_evidence_is_refused(project: TinyProject, lines: tuple[str, ...], message: str) -> None:
    """Though its test passes, a provider that shows no answer of its own is CANNED and red when strict."""
    ran = released(project, *lines).greenlane("lane", "release", STRICT_READY="1", **OPEN)
    assert (ran.code, ran.codes) == (1, {"CANNED"}), ran.output
    assert message in ran.message("CANNED")
    row = next(check for check in ran.verdict["checks"] if check["name"] == "real")
    assert row["status"] == "failed"


def test_it_is_a_warning_when_nobody_insists(project: TinyProject) -> None:
    """Not strict and not expected, the run is green and says what it is worth; expected, it is red."""
    ran = released(project).greenlane("lane", "release", **OPEN)
    assert (ran.code, ran.codes) == (0, set()), ran.output
    assert "WARNING: CANNED [release] real: no test showed an answer of it" in ran.output
    assert released(project).greenlane("lane", "release", READINESS_EXPECT="real", **OPEN).codes == {"CANNED"}


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
    for extra in ({"MINI_AGENT_API_BASE": "http://localhost:8788/"}, {"MINI_AGENT_API_PORT": "8788"}):
        ran = project.greenlane("lane", "release", LIVE_PROVIDERS="1", REAL_KEY=" ", **extra)
        assert (ran.code, ran.codes) == (0, set()), ran.output
        lines = ran.output.splitlines()
        assert "LIVE agent: LIVE_PROVIDERS is 1, CODEX_AGENT_API_BASE is set" in lines
        assert "SKIP real: REAL_KEY is blank" in lines
        assert "1 passed" in ran.output


def test_a_memory_has_no_model_to_name(project: TinyProject) -> None:
    """A memory proves itself by what it stored: its tests need show nothing."""
    body = 'import pytest\n@pytest.mark.provider("memory")\ndef test_memory(): pass\n'
    ran = project.test(body, "live/test_live.py").greenlane(
        "lane", "release", STRICT_READY="1", LIVE_PROVIDERS="1", MEMORY_KEY="sk-memory"
    )
    assert (ran.code, ran.codes) == (0, set()), ran.output


WRONG = {
    "kind": ({"kind": "search"}, "providers.real.kind: 'search' is not one of model, memory"),
    "host": ({"host": "https://x.example/"}, "providers.real.host: 'https://x.example/' is not the name of a host"),
    "calls": ({"calls": 1000}, "providers.real.calls: 1000 is not between 1 and 20"),
    "tokens": ({"tokens": 0}, "providers.real.tokens: 0 is not between 1 and 1024"),
    "seconds": ({"seconds": 9000.0}, "providers.real.seconds: 9000 is not between 0 and 300"),
    "variables": ({"variables": ["REAL_KEY", "A B"]}, "providers.real.variables: REAL_KEY is a secret"),
}


@pytest.mark.parametrize(("entry", "message"), WRONG.values(), ids=WRONG.keys())
def test_an_entry_cannot_ask_for_more(project: TinyProject, entry: dict[str, Any], message: str) -> None:
    """What a provider may cost has limits that no entry lifts, and every name is checked."""
    ran = project.section("providers", {**PROVIDERS, "real": {**PROVIDERS["real"], **entry}}).greenlane("doctor")
    assert ran.code == 2
    assert f"CONFIG_ERROR: pyproject.toml: [tool.greenlane] {message}" in ran.output
