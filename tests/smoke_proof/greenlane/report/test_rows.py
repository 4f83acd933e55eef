"""What is on the screen when a run is over: the guilty test first, and never more than forty lines."""

from __future__ import annotations

from support.original_bug import FILES, GUILTY
from support.tiny import CORE, TinyProject

FLOOD = """
import os
import pytest

@pytest.mark.parametrize("n", range(300))
def test_leaks(n):
    os.environ[f"LEFT_{n}"] = "x"

@pytest.mark.parametrize("n", range(100))
def test_fails(n):
    assert n < 0, "\\n".join("a long story" for _ in range(50))
"""


def after_the_progress(output: str) -> list[str]:
    """Return the lines that follow what pytest says last."""
    lines = output.splitlines()
    last = max(number for number, line in enumerate(lines) if line.startswith("core | ") or "starting" in line)
    return lines[last + 1 :]


def test_the_bug_that_started_the_project_is_the_first_row(tiny: TinyProject) -> None:
    """The test that assigns a class and never puts it back is the one reason, whatever settles around it."""
    for name, text in FILES.items():
        tiny.write(name, text)
    tiny.lanes(core=CORE).section("leaks", {"watch": ["agent_proxy"]}).write(
        "pytest.ini", "[pytest]\npythonpath = . src\n"
    )
    ran = tiny.greenlane("lane", "core")
    rows = [line for line in ran.output.splitlines() if line.startswith("VIOLATION: ")]
    assert (ran.code, ran.codes) == (1, {"LEAK", "ERROR"}), ran.output
    assert len(rows) == 1, ran.output
    assert rows[0].startswith(f"VIOLATION: LEAK [core] {GUILTY} left attributes agent_proxy.HttpToolsInvoker changed")
    assert {violation["subject"] for violation in ran.verdict["violations"]} == {GUILTY}


def test_forty_lines_after_the_progress(tiny: TinyProject) -> None:
    """Three hundred leaks and a hundred failures with long traces: failures first, all counted, the rest in files."""
    ran = tiny.lanes(core=CORE).test(FLOOD).greenlane("lane", "core")
    lines = after_the_progress(ran.output)
    rows = [line for line in lines if line.startswith("VIOLATION: ")]
    assert (ran.code, len(lines) <= 40) == (1, True), ran.output
    assert rows[0].startswith("VIOLATION: FAILED [core] ")
    assert any(line.startswith("… and ") and "more causes in the reports" in line for line in lines)
    assert "a long story" not in ran.output.replace(rows[0], "")
    assert len(ran.output.splitlines()) < 80, ran.output
