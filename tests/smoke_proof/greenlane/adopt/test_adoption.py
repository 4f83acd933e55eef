"""A stranger's suite becomes lanes: two commands, no edit of its tests, nothing of ours in it."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from support.lane_project import OTHERS
from support.tiny import TinyProject

OURS = ("mini_agent", "mini-agent", "codex", "litellm", "router_model_group")
SUITE = {
    "tests/test_fine.py": """
        import sys, pytest
        def test_fine(): assert True
        @pytest.mark.skipif(sys.platform == "linux", reason="not here")
        def test_elsewhere(): pass
        @pytest.mark.xfail(run=False, reason="needs darwin")
        def test_mac(): pass
    """,
    # Alone in its file, which is run once more outside of any namespace.
    "tests/test_broken.py": 'def test_broken(): assert 1 == 2, "as everywhere"\n',
    "tests/test_mixed.py": """
        import os, pathlib, socket, pytest
        def test_also_fine(): assert True
        def test_calls():
            with pytest.raises(OSError):
                socket.create_connection(("198.51.100.7", 80), timeout=1)
        def test_counts():
            file = pathlib.Path("@COUNT@")
            number = int(file.read_text() or 0) if file.exists() else 0
            file.write_text(str(number + 1))
            assert number % 2 == 0
    """,
    "tests/test_live.py": """
        import os, pytest
        KEY = os.getenv("TOY_API_KEY")
        @pytest.mark.skipif(not KEY, reason="no key")
        def test_live(): pass
    """,
    # Three that others need, each with five that need it: one order in 216 hides all of it.
    "tests/test_order.py": "DONE = set()\n"
    + "".join(
        f"def test_{n}(): DONE.add({n})\n" if n % 6 == 1 else f"def test_{n}(): assert {n - (n - 1) % 6} in DONE\n"
        for n in range(1, 19)
    ),
    # One that needs them all, and in their order.
    "tests/test_steps.py": """
        import pytest
        DONE = []
        @pytest.mark.parametrize("number", range(6))
        def test_step(number): DONE.append(number)
        def test_all(): assert DONE == [0, 1, 2, 3, 4, 5]
    """,
}


@pytest.fixture
def stranger(make_tiny: Callable[..., TinyProject]) -> TinyProject:
    """A repository with tests and settings of its own, and nothing of ours."""
    project = make_tiny()
    # As fast as where nothing else is installed.
    fast = " ".join(f"-pno:{name}" for name in OTHERS)
    project.write("pyproject.toml", f'[tool.pytest.ini_options]\ntestpaths = ["tests"]\naddopts = "{fast}"\n')
    for name, text in SUITE.items():
        project.write(name, text.replace("@COUNT@", str(project.path.with_suffix(".count"))))
    return project


def lanes(project: TinyProject) -> dict[str, Any]:
    """Return the lanes that are configured."""
    return dict(tomllib.loads((project.path / "pyproject.toml").read_text())["tool"]["greenlane"]["lanes"])


def test_a_suite_is_placed_by_what_it_did(stranger: TinyProject) -> None:
    """Each test is where its behaviour says, with its evidence; a verdict about the rest follows at once."""
    tests = {name: (stranger.path / name).read_text() for name in SUITE}
    ran = stranger.greenlane("init", "--yes", "--seed", "7")
    assert ran.code == 0, ran.output
    assert len(ran.output.splitlines()) <= 40
    assert "suite: tests (pyproject.toml [tool.pytest.ini_options])" in ran.output
    assert "run 3 of 3 in random order" in ran.output
    assert "fail in random order only; for up to 60 s the tests to blame are sought" in ran.output
    steps = ", ".join(f"tests/test_steps.py::test_step[{number}]" for number in range(6))
    assert f"  tests/test_steps.py::test_all passes only after {steps}\n" in ran.output
    # Which of them is the first victim, the drawn order decides.
    assert re.search(
        r"tests/test_order\.py::test_\d+(?: and \d+ more)? passes only after tests/test_order\.py::test_(1|7|13)\b",
        ran.output,
    ), ran.output
    assert "order: the suite's own, because" in ran.output
    assert {name: (stranger.path / name).read_text() for name in SUITE} == tests
    assert not list(stranger.path.glob("tests/smoke_*"))
    made = lanes(stranger)
    assert set(made) == {"core", "nd", "release"}
    assert made["core"] == {"kind": "deterministic", "tests": ["tests"]}
    assert made["release"]["tests"] == ["tests/test_live.py"]
    ledger = tomllib.loads((stranger.path / "greenlane-ledger.toml").read_text())
    moves = {entry["test"].split("::")[-1]: (entry["lane"], *entry["evidence"]) for entry in ledger["move"]}
    assert moves.keys() == {"test_calls", "test_broken", "test_counts"}
    assert moves["test_calls"][0] == "release"
    assert "connect 198.51.100.7:80" in moves["test_calls"][1]
    assert moves["test_broken"] == ("broken", "AssertionError: as everywhere")
    assert moves["test_counts"][0] == "nd"
    assert "differs between equal runs" in moves["test_counts"][1]
    assert {entry.get("platform") for entry in ledger["skip"]} == {"!linux", "darwin"}

    ran = stranger.greenlane("ready")
    assert ran.code == 0, ran.output
    assert "READY (policy dev)" in ran.output
    assert "28 passed, 2 skipped" in ran.output or "PASS  core" in ran.output
    # Nothing of the project that the harness came from is named in theirs.
    told = ran.output + json.dumps(ran.verdict) + (stranger.path / "PROJECT_READY.md").read_text()
    told += stranger.greenlane("doctor", "--all").output
    assert not [name for name in OURS if name in told.lower()]
    # A second call has nothing to add, and runs nothing.
    again = stranger.greenlane("init", "--yes", "--seed", "7")
    assert "survey" not in again.output
    assert again.output.endswith("nothing to add\n")


def test_a_survey_without_lanes(stranger: TinyProject) -> None:
    """It works with the interpreter that runs it, leaves nothing in the tree, and polluters are found in its runs."""
    ran = stranger.greenlane("survey", "--seed", "7", PATH=os.environ["PATH"])
    assert ran.code == 0, ran.output
    assert "release: tests/test_mixed.py::test_calls: connect 198.51.100.7:80" in ran.output
    assert (stranger.path / ".greenlane" / ".gitignore").read_text() == "*\n"
    assert not list(stranger.path.glob(".greenlane/survey-*"))
    found = stranger.greenlane("polluter", "tests/test_order.py::test_2", "--json")
    assert json.loads(found.output[found.output.index("{") :])["tests"] == ["tests/test_order.py::test_1"]


def test_survey_proposes_moves(stranger: TinyProject) -> None:
    """Where lanes are, it says who is in the wrong one."""
    stranger.lanes(
        core={"kind": "deterministic", "tests": ["tests"]}, nd={"kind": "nondeterministic", "tests": ["more"]}
    )
    stranger.write("more/test_more.py", "def test_more(): pass\n")
    # How often it ran so far is drawn: it passes in the first run, in several processes not, and alone again.
    stranger.path.with_suffix(".count").unlink(missing_ok=True)
    ran = stranger.greenlane("survey", "--seed", "7", "--workers", "2")
    assert ran.code == 0, ran.output
    assert "run 2 of 3 in its own order, spread over workers" in ran.output
    # One that counts its runs, at least: whether equal runs differ only a run in one process can tell.
    assert re.search(r"\d+ end otherwise in several processes, as tests/test_\w+\.py::\w+: one is used", ran.output)
    assert "run 3 of 3 in random order:" in ran.output
    assert "move: more/test_more.py::test_more from nd to core" in ran.output
    assert "move: tests/test_mixed.py::test_calls from core to release: connect 198.51.100.7:80" in ran.output
    assert "move: tests/test_live.py::test_live from core to release: asked for TOY_API_KEY, " in ran.output
    assert "move: tests/test_broken.py::test_broken from core to broken: AssertionError: as everywhere" in ran.output


def test_a_suite_that_cannot_start_says_why(stranger: TinyProject) -> None:
    """Options of a plugin that nothing installs: pytest's own complaint, what to do, and nothing written."""
    stranger.write("pyproject.toml", '[tool.pytest.ini_options]\naddopts = "--cov=x"\n')
    ran = stranger.greenlane("init", "--yes", "--seed", "7")
    assert ran.code == 2, ran.output
    assert "unrecognized arguments: --cov=x" in ran.output
    assert "--group" in ran.output
    assert not (stranger.path / "noxfile.py").exists()
    assert not (stranger.path / "locks").exists()


def test_ready_about_nothing_of_theirs_is_impossible(make_tiny: Callable[..., TinyProject]) -> None:
    """A project whose own tests are in no lane is NO_TESTS, however green its lanes are."""
    project = make_tiny().lanes(core={"kind": "deterministic", "tests": ["tests/smoke_core"]})
    project.test("def test_ours(): pass\n", "tests/smoke_core/test_core_smoke.py")
    assert project.greenlane("ready").code == 0
    project.test("def test_theirs(): pass\n", "tests/test_theirs.py")
    ran = project.greenlane("ready")
    assert (ran.code, ran.codes) == (1, {"NO_TESTS"}), ran.output
    assert "tests/test_theirs.py" in ran.message("NO_TESTS")
