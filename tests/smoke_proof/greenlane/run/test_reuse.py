"""Evidence that is still true is not made again, and evidence that may not be true any more is never used."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from greenlane.config.load import load
from support.pages import BLOCK
from support.tiny import CORE, Ran, TinyProject

STORE = ".greenlane/evidence/core"
STILL_TRUE = "nothing it can see has changed"
READS = """
    import os
    import pathlib
    import subprocess
    def test_reads():
        text = pathlib.Path("data/numbers.txt").read_text()
        assert subprocess.run(["cat", "data/numbers.txt"], capture_output=True, text=True).stdout == text
        assert "bad" not in text
        assert not os.path.exists("data/forbidden")
        assert "x" not in os.listdir("data")
        assert os.environ.get("FLAVOUR") != "bad"
"""

ALONE = """
    import os
    import sys
    from importlib.metadata import entry_points
    from importlib.util import find_spec
    def test_alone():
        assert find_spec("greenlane")
        assert not find_spec("tinypkg")
        assert not find_spec("mini_agent")
        assert not os.path.exists(os.path.join(os.path.dirname(sys.executable), "mini-agent"))
        assert "greenlane.pytest_plugin" in {point.value for point in entry_points(group="pytest11")}
"""


def reused(ran: Ran) -> bool:
    """Return whether a verdict rests on evidence of an earlier run; every report must say the same."""
    (check,) = (check for check in ran.verdict["checks"] if check["name"] == "core")
    assert (STILL_TRUE in ran.output) == check.get("reused", False), ran.output
    return bool(check.get("reused", False))


@pytest.fixture
def kept(make_tiny: Callable[..., TinyProject]) -> TinyProject:
    """A project whose one lane was green a moment ago."""
    tiny = make_tiny().lanes(core={**CORE, "env": ["FLAVOUR"]}).test(READS)
    tiny.write("data/numbers.txt", "1 2 3\n").write("docs/page.md", "# Page\n").write("data/link.txt", "")
    (tiny.path / "data/link.txt").unlink()
    (tiny.path / "data/link.txt").symlink_to("numbers.txt")
    ran = tiny.greenlane("ready")
    assert ran.code == 0, ran.output
    assert "core: runs, no earlier run of it was kept" in ran.output
    return tiny


def test_what_is_still_true_is_not_run_again(kept: TinyProject) -> None:
    """The second run takes the first one's evidence, says since when it is true, and `--fresh` runs the lane."""
    first = json.loads((kept.path / ".artifacts/core/lane.json").read_text())
    again = kept.greenlane("ready")
    assert (again.code, reused(again)) == (0, True)
    assert "test session starts" not in again.output
    assert json.loads((kept.path / ".artifacts/core/lane.json").read_text()) == first
    assert STILL_TRUE in (kept.path / "PROJECT_READY.md").read_text()
    assert STILL_TRUE in (kept.path / ".artifacts/verdict.html").read_text()
    fresh = kept.greenlane("ready", "--fresh")
    assert (fresh.code, reused(fresh)) == (0, False)


CHANGES: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "content": (lambda root: (root / "data/numbers.txt").write_text("bad\n"), 1, "data/numbers.txt"),
    "a file that must not be there": (lambda root: (root / "data/forbidden").touch(), 1, "data/forbidden"),
    "a listing": (lambda root: (root / "data/x").mkdir() or (root / "data/x/y").touch(), 1, "data/x/y"),
    "renamed": (lambda root: (root / "data/numbers.txt").rename(root / "data/other.txt"), 1, "data/numbers.txt"),
    "deleted": (lambda root: (root / "data/numbers.txt").unlink(), 1, "data/numbers.txt"),
    "a new conftest": (
        lambda root: (root / "tests/conftest.py").write_text("raise RuntimeError('no')\n"), 1, "tests/conftest.py",
    ),
    "where a link leads": (
        lambda root: (root / "data/link.txt").unlink() or (root / "data/link.txt").symlink_to("none.txt"), 0,
        "data/link.txt",
    ),
    "whether it may be executed": (lambda root: (root / "data/numbers.txt").chmod(0o755), 0, "data/numbers.txt"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_what_it_can_see_runs_the_lane(kept: TinyProject, name: str) -> None:
    """Contents, names, links, modes: the lane runs, says what changed, and is judged anew."""
    change, code, told = CHANGES[name]
    change(kept.path)
    ran = kept.greenlane("ready")
    assert (ran.code, reused(ran)) == (code, False), ran.output
    assert "core: runs, changed since the last green run: " in ran.output
    assert told in ran.output.partition("changed since the last green run: ")[2].partition("\n")[0]


def test_environment_and_configuration_are_part_of_it(kept: TinyProject) -> None:
    """A variable that the lane is let see, and an option of the lane, are inputs; others are not."""
    assert reused(kept.greenlane("ready", ELSEWHERE="bad"))
    bad = kept.greenlane("ready", FLAVOUR="bad")
    assert (bad.code, reused(bad)) == (1, False)
    assert "command, environment and services" in bad.output
    assert reused(kept.greenlane("ready"))
    kept.lanes(core={**CORE, "env": ["FLAVOUR"], "test_timeout": 19})
    assert not reused(kept.greenlane("ready"))


def test_a_part_is_neither_kept_nor_taken(kept: TinyProject) -> None:
    """Options that narrow a run, and a seed that is asked for, run the lane."""
    for words, environ in ((("--seed", "7"), {}), ((), {"PYTEST_ADDOPTS": "-x"})):
        ran = kept.greenlane("ready", *words, **environ)
        assert not reused(ran), ran.output


def test_going_back_costs_nothing_and_red_is_never_kept(kept: TinyProject) -> None:
    """Several states are kept, eight at most; a red run is none of them."""
    numbers = kept.path / "data/numbers.txt"
    numbers.write_text("bad\n")
    assert kept.greenlane("ready").code == 1
    assert not reused(kept.greenlane("ready"))
    numbers.write_text("1 2 3\n")
    assert reused(kept.greenlane("ready"))
    store = kept.path / STORE
    (state,) = store.iterdir()
    for number in range(9):
        shutil.copytree(state, store / f"{number:064}")
        os.utime(store / f"{number:064}", (number, number))
    numbers.write_text("4\n")
    assert kept.greenlane("ready").code == 0
    assert len(list(store.iterdir())) == 8
    assert state.exists()


def test_a_lane_without_the_project_knows_no_change_of_its_package(make_tiny: Callable[..., TinyProject]) -> None:
    """It has the harness alone: the package is not there, nor what else comes with the harness; another lane has it."""
    head = '[project]\nname = "tinypkg"\nversion = "0.1"\n\n[build-system]\nrequires = ["uv_build"]\n'
    tiny = make_tiny(own=True)
    inputs = {**CORE, "inputs": ["data/*"]}
    alone = {**inputs, "project": False, "tests": ["tests/test_alone.py"]}
    tiny.lanes(core=alone, owner={**inputs, "lock": "locks/core.txt"})
    tiny.write("pyproject.toml", f'{head}build-backend = "uv_build"\n{(tiny.path / "pyproject.toml").read_text()}')
    tiny.write("src/tinypkg/__init__.py", "value = 1\n").test(
        "import tinypkg\ndef test_it(): assert tinypkg.value < 3\n"
    )
    tiny.test(ALONE, "tests/test_alone.py")
    assert (first := tiny.greenlane("ready")).code == 0, first.output
    tiny.write("src/tinypkg/__init__.py", "value = 2\n")
    again = tiny.greenlane("ready")
    assert (again.code, {check["name"]: check.get("reused", False) for check in again.verdict["checks"]}) == (
        0, {"core": True, "owner": False},
    ), again.output  # fmt: skip
    assert "owner: runs, changed since the last green run: wheels" in again.output


def test_a_lane_that_goes_without_the_project_from_now_on(make_tiny: Callable[..., TinyProject]) -> None:
    """Nobody installed anything by hand: its environment is built again, without the package, and that is no drift."""
    head = '[project]\nname = "tinypkg"\nversion = "0.1"\n\n[build-system]\nrequires = ["uv_build"]\n'
    tiny = make_tiny(own=True)
    tiny.write("src/tinypkg/__init__.py", "value = 1\n")
    for project in (True, False, True):
        (tiny.path / "pyproject.toml").unlink(missing_ok=True)
        tiny.lanes(core={**CORE, "project": project})
        tiny.write("pyproject.toml", f'{head}build-backend = "uv_build"\n{(tiny.path / "pyproject.toml").read_text()}')
        found = "from importlib.util import find_spec\ndef test_it(): assert bool(find_spec('tinypkg')) is "
        ran = tiny.test(f"{found}{project}\n").greenlane("lane", "core")
        assert (ran.code, ran.codes) == (0, set()), ran.output


@pytest.mark.parametrize("name", ["lane.json", "journal.jsonl", "junit.xml"])
def test_what_was_edited_is_not_used(kept: TinyProject, name: str) -> None:
    """Evidence that is not as it was when its lane ended is thrown away, and the lane runs."""
    (state,) = (kept.path / STORE).iterdir()
    file = state / name
    text = file.read_text()
    file.write_text(text.replace("test_reads", "test_rides").replace('"seed": ', '"seed": 1'))
    assert file.read_text() != text
    ran = kept.greenlane("ready")
    assert (ran.code, reused(ran)) == (0, False)
    assert "core: runs, the evidence that was kept is damaged" in ran.output


def test_the_doctor_tells_why_a_lane_would_run(kept: TinyProject) -> None:
    """Before anything is run: nothing has changed, a file has, or the policy asks for a fresh run."""
    assert "core may be used again" in kept.greenlane("doctor").output
    kept.write("data/numbers.txt", "4\n").write("data/new.txt", "")
    told = "core would run: changed since the last green run: data/new.txt, data/numbers.txt"
    assert told in kept.greenlane("doctor").output
    kept.section("policies", {"dev": {"lanes": ["core"], "evidence": "fresh"}})
    assert "core would run: the policy asks for a fresh run" in kept.greenlane("doctor").output


def test_a_policy_can_demand_fresh_evidence(kept: TinyProject) -> None:
    """`evidence = "fresh"` runs every lane."""
    kept.section("policies", {"dev": {"lanes": ["core"], "evidence": "fresh"}})
    assert not reused(kept.greenlane("ready"))


SEES = """
    import os
    import pathlib
    import subprocess
    def test_sees():
        assert sorted(p for p in os.listdir(".") if not p.startswith(".")) == ["data", "pyproject.toml", "tests"]
        assert os.listdir("data") == ["numbers.txt"]
        assert subprocess.run(["ls", "docs"], capture_output=True).returncode
        pathlib.Path("data/numbers.txt").read_text()
"""


def test_what_is_no_input_is_not_there(make_tiny: Callable[..., TinyProject]) -> None:
    """A lane with inputs sees these, its tests and its configuration: nothing else can make its evidence untrue."""
    tiny = make_tiny().lanes(core={**CORE, "inputs": ["data/*.txt"]}).test(SEES)
    tiny.write("data/numbers.txt", "1\n").write("data/notes.md", "\n").write("docs/page.md", "# Page\n")
    ran = tiny.greenlane("ready")
    assert ran.code == 0, ran.output
    tiny.write("docs/page.md", "# Another\n").write("data/notes.md", "more\n").write("docs/new.md", "new\n")
    assert reused(tiny.greenlane("ready"))
    tiny.write("data/numbers.txt", "2\n")
    assert not reused(tiny.greenlane("ready"))
    tiny.write("data/more.txt", "3\n")
    ran = tiny.greenlane("ready")
    assert (ran.code, reused(ran)) == (1, False)
    assert (tiny.path / "docs/page.md").read_text() == "# Another\n"


def test_ignored_files_are_inputs_too(make_tiny: Callable[..., TinyProject]) -> None:
    """What git ignores can still be read by a test: it is part of what a lane without declared inputs sees."""
    tiny = make_tiny().lanes().test("def test_it():\n    assert open('secret.cfg').read() != 'bad'\n")
    tiny.write(".gitignore", "secret.cfg\n.artifacts/\nPROJECT_READY.md\n.greenlane/\n").write("secret.cfg", "good")
    subprocess.run(["git", "init", "-q"], cwd=tiny.path, check=True)
    assert tiny.greenlane("ready").code == 0
    assert reused(tiny.greenlane("ready"))
    tiny.write("secret.cfg", "bad")
    ran = tiny.greenlane("ready")
    assert (ran.code, reused(ran)) == (1, False)
    (tiny.path / "secret.cfg").unlink()
    (tiny.path / "secret.cfg").symlink_to("/etc/hostname")
    ran = tiny.greenlane("ready")
    assert not reused(ran)
    assert "secret.cfg leads out of the work tree" in ran.output


def test_the_page_is_true(make_tiny: Callable[..., TinyProject]) -> None:
    """The commands of docs/reuse.md print what stands below them, and its tables are understood."""
    blocks = BLOCK.findall((Path(__file__).parents[4] / "docs" / "reuse.md").read_text(encoding="utf-8"))
    (console,) = (text for language, _, text in blocks if language == "console")
    tiny = make_tiny().lanes().test("def test_it(): pass\n")
    for command in re.split(r"^\$ greenlane ", console, flags=re.MULTILINE)[1:]:
        words, *lines = command.splitlines()
        output = tiny.greenlane(*words.split()).output
        for line in lines:
            assert re.search(re.sub(r"\d+", r"\\d+", re.escape(line)), output), output
    inputs, policy = (text for language, _, text in blocks if language == "toml")
    (tiny.path / "pyproject.toml").write_text(inputs + policy)
    assert load(tiny.path, {}).policy("deploy").evidence == "fresh"
