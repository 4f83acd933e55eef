"""A run that ends by a wrong setting leaves no verdict of an earlier one behind, through the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.tiny import TinyProject

Spoil = Callable[[TinyProject], object]
REPORTS = ("PROJECT_READY.md", ".artifacts/verdict.json", ".artifacts/verdict.html")
WRONG: dict[str, tuple[Spoil, dict[str, str]]] = {
    "a variable": (lambda tiny: None, {"STRICT_READY": "perhaps"}),
    "an expected name": (lambda tiny: None, {"READINESS_EXPECT": "all_smoke_cores"}),
    "a key": (lambda tiny: tiny.section("lane", {}), {}),
    "where reports go": (lambda tiny: tiny.section("report", {"markdown": "../READY.md"}), {}),
    "no TOML": (lambda tiny: tiny.write("pyproject.toml", "[tool.greenlane\n"), {}),
}


@pytest.fixture
def decided(tiny: TinyProject) -> TinyProject:
    """A project with the reports of an earlier, green run, and a file beside it that is named like one."""
    for name in REPORTS:
        tiny.write(name, '{"state": "READY"}')
    (tiny.path.parent / "READY.md").write_text("somebody else's")
    return tiny


def left(tiny: TinyProject) -> list[str]:
    """Return the reports that are still there."""
    return [name for name in REPORTS if (tiny.path / name).exists()]


@pytest.mark.parametrize("command", ["ready", "verdict"])
@pytest.mark.parametrize(("spoil", "environ"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_setting(decided: TinyProject, command: str, spoil: Spoil, environ: dict[str, str]) -> None:
    """The command ends with CONFIG_ERROR, exit 2, and no report says READY; nothing outside the project is touched."""
    spoil(decided)
    ran = decided.greenlane(command, **environ)
    assert ran.code == 2, ran.output
    assert any(line.startswith("CONFIG_ERROR: ") for line in ran.output.splitlines())
    assert left(decided) == []
    assert (decided.path.parent / "READY.md").read_text() == "somebody else's"


def test_a_report_of_another_name(decided: TinyProject) -> None:
    """It goes, too, as long as the file says where it is, whatever else is wrong in there."""
    decided.section("report", {"json": "out/verdict.json"}).section("lane", {}).write("out/verdict.json", "READY")
    assert decided.greenlane("ready").code == 2
    assert not (decided.path / "out" / "verdict.json").exists()


def test_through_nox(decided: TinyProject) -> None:
    """The session `ready` does so, too, and a list of sessions removes nothing."""
    decided.section("lane", {})
    assert (decided.nox("core", "-l").code, left(decided)) == (2, list(REPORTS))
    assert (decided.nox("ready").code, left(decided)) == (2, [])


UNKNOWN = (["ready", "--bogus"], ["ready", "--policy"], ["ready", "dev"], ["verdict", "--polcy=dev"])
"""Words that are no words of a command."""


@pytest.mark.parametrize("words", UNKNOWN, ids=" ".join)
def test_words_that_are_unknown(decided: TinyProject, words: list[str]) -> None:
    """A slip of the pen is a wrong setting like any other; who asks for help loses nothing."""
    assert (decided.greenlane(words[0], "--help").code, left(decided)) == (0, list(REPORTS))
    ran = decided.greenlane(*words)
    assert (ran.code, left(decided)) == (2, []), ran.output
    assert "CONFIG_ERROR: " in ran.output


LANE = [f".artifacts/verdicts/core.{ending}" for ending in ("json", "md", "html")]
WRONG_LANES = (
    ["core", "--bogus"],
    ["core", "no-such-shard"],
    ["--seed=x", "core"],
    ["core", "--only", "a", "--failed"],
    ["core", "--watch", "--failed"],
)


@pytest.mark.parametrize("words", WRONG_LANES, ids=" ".join)
def test_a_lane_by_itself(decided: TinyProject, words: list[str]) -> None:
    """Its own verdict goes; those of the project and of other lanes were not asked for."""
    for name in (*LANE, ".artifacts/verdicts/nd.json"):
        decided.write(name, "READY")
    ran = decided.greenlane("lane", *words)
    assert ran.code == 2, ran.output
    assert [name for name in LANE if (decided.path / name).exists()] == []
    assert (decided.path / ".artifacts/verdicts/nd.json").exists()
    assert left(decided) == list(REPORTS)


def test_a_lane_through_nox(decided: TinyProject) -> None:
    """The session of a lane does so, too."""
    decided.write(LANE[0], '{"state": "READY"}')
    assert decided.nox("core", "--", "--bogus").code == 2
    assert not (decided.path / LANE[0]).exists()
    assert left(decided) == list(REPORTS)


def test_a_lane_whose_name_is_a_path(decided: TinyProject) -> None:
    """A name that leads elsewhere removes nothing there."""
    decided.write("elsewhere.json", "READY")
    assert decided.greenlane("lane", "../../elsewhere").code == 2
    assert (decided.path / "elsewhere.json").exists()


def test_in_another_folder(tmp_path: Path, tiny: TinyProject) -> None:
    """Where there is no project, a file of that name is nobody's report."""
    (tmp_path / "PROJECT_READY.md").write_text("READY")
    tiny.path = tmp_path
    assert tiny.greenlane("ready").code == 2
    assert (tmp_path / "PROJECT_READY.md").exists()
