"""The sabotage suite: projects that try to look green, each in its own way, and what each must be called instead.

One folder of `tests/sabotage/<family>/` is one sabotage, and nothing else has to be written: `sabotage.toml` says why
and what must be found, the rest is the project. See `tests/sabotage/README.md`.
"""

from __future__ import annotations

import json
import runpy
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from support.tiny import CORE, Ran, TinyProject

# By the hash of its name it would lie where most of the work lies already: the shards are to take about as long.
pytestmark = pytest.mark.shard("proof_b")

FOLDER = Path(__file__).parents[2] / "sabotage"
OURS = ("sabotage.toml", "hooks.py", "__pycache__")
SABOTAGES = sorted(file.parent for file in FOLDER.glob("*/*/sabotage.toml"))
KEYS = set("why codes exit subjects words absent lane section environ own cold command first".split())


def name_of(folder: Path) -> str:
    """Return `family/name`."""
    return folder.relative_to(FOLDER).as_posix()


def build(tiny: TinyProject, folder: Path, told: dict[str, Any]) -> dict[str, Any]:
    """Make the project of a sabotage and return the functions of its `hooks.py`."""
    shutil.copytree(folder, tiny.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*OURS, "pyproject.toml"))
    tiny.lanes(core={**CORE, **told.get("lane", {})})
    for name, value in told.get("section", {}).items():
        tiny.section(name, value)
    more = folder / "pyproject.toml"
    if more.exists():
        config = tiny.path / "pyproject.toml"
        config.write_text(config.read_text(encoding="utf-8") + more.read_text(encoding="utf-8"), encoding="utf-8")
    hooks = folder / "hooks.py"
    return runpy.run_path(str(hooks)) if hooks.exists() else {}


def sabotage(make_tiny: Callable[..., TinyProject], folder: Path, told: dict[str, Any]) -> tuple[TinyProject, Ran]:
    """Run a sabotage, with what its hooks do before and after the lane, and return the last command's end."""
    tiny = make_tiny(own=told.get("own", False))
    tiny.warm = None if told.get("cold") else tiny.warm
    hooks = build(tiny, folder, told)
    if "prepare" in hooks:
        hooks["prepare"](tiny)
    words = told.get("command", ["lane", "core"])
    if "after" in hooks:
        first = tiny.greenlane("lane", "core", **told.get("environ", {}))
        assert first.code == told.get("first", 0), first.output
        hooks["after"](tiny)
    github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tiny.path.parent / "summary.md")}
    return tiny, tiny.greenlane(*words, **github, **told.get("environ", {}))


def own_lines(output: str) -> str:
    """Return what the harness itself printed, without the lane's output, its tests' words and what is for GitHub."""
    return "\n".join(line for line in output.splitlines() if not line.startswith(("core | ", "  | ", "::")))


def agree(tiny: TinyProject, ran: Ran, words: list[str]) -> None:
    """Check that every report and the exit code tell the same story, and that none of them is green."""
    said = own_lines(ran.output)
    word = ran.verdict["word"]
    assert "GREEN" not in said
    assert said.splitlines()[-1].startswith(("core: RED", "NOT READY"))
    assert (ran.verdict["ready"], ran.verdict["exit_code"]) == (False, ran.code)
    assert ran.verdict["word"] in ("RED", "NOT READY")
    base = tiny.path / ".artifacts" / ("verdicts/core" if words[0] == "lane" else "verdict")
    failures = ElementTree.parse(f"{base}.xml").iter("failure")
    in_junit = "\n".join(failure.text or "" for failure in failures)
    ctrf = json.loads(Path(f"{base}.ctrf.json").read_text(encoding="utf-8"))["results"]
    assert (ctrf["extra"]["greenlane"]["word"], ctrf["environment"]["healthy"]) == (word, False)
    assert ctrf["summary"]["failed"]
    page = Path(f"{base}.html").read_text(encoding="utf-8")
    assert f"</span> {word}</h1>" in page
    markdown = tiny.path / "PROJECT_READY.md" if words[0] != "lane" else Path(f"{base}.md")
    in_markdown = markdown.read_text(encoding="utf-8")
    assert in_markdown.startswith(f"# {word}\n")
    summary = (tiny.path.parent / "summary.md").read_text(encoding="utf-8")
    assert summary.rpartition("## ❌ ")[2].startswith(("core: RED", "NOT READY"))
    for code in ran.codes:
        assert f": {code}" in said or f"  also: {code}" in said
        assert code in in_junit
        assert code in page
        assert code in in_markdown.replace("\\_", "_")
        assert code in summary.replace("\\_", "_")
    commands = [line for line in ran.output.splitlines() if line.startswith("::error ")]
    assert 1 <= len(commands) <= 10


@pytest.mark.parametrize("folder", SABOTAGES, ids=name_of)
def test_never_green(make_tiny: Callable[..., TinyProject], folder: Path) -> None:
    """The project is red with the codes that its `sabotage.toml` demands, in every report alike."""
    told = tomllib.loads((folder / "sabotage.toml").read_text(encoding="utf-8"))
    assert set(told) <= KEYS
    tiny, ran = sabotage(make_tiny, folder, told)
    assert ran.code == told.get("exit", 1), ran.output
    assert set(told["codes"]) <= ran.codes, ran.output
    agree(tiny, ran, told.get("command", ["lane", "core"]))
    found = {(v["subject"], v["code"]) for v in ran.verdict["violations"]}
    for subject, code in told.get("subjects", {}).items():
        assert (subject, code) in found, ran.output
    assert not {subject for subject, _ in found} & set(told.get("absent", ())), ran.output
    for word in told.get("words", ()):
        assert word in own_lines(ran.output), ran.output


@pytest.mark.parametrize("workers", [0, 2])
def test_healthy_in_any_order(tiny: TinyProject, workers: int) -> None:
    """Honest tests, some of them close to a sabotage, are green twenty times over, each time in an order of its own."""
    shutil.copytree(FOLDER / "healthy", tiny.path, dirs_exist_ok=True)
    everyday = tiny.path / "tests" / "test_everyday.py"
    # Twenty files of one run: the seed shuffles each of them differently, and all of them among each other.
    for number in range(1, 20):
        shutil.copy(everyday, everyday.with_name(f"test_everyday_{number}.py"))
    tiny.lanes(core={**CORE, "order": "random", "workers": workers})
    ran = tiny.greenlane("lane", "core")
    assert (ran.code, ran.codes) == (0, set()), ran.output
    assert ran.verdict["checks"][0]["counts"]["passed"] > 20 * 20


def test_enough_of_them() -> None:
    """There are at least forty sabotages, of every family that the project promises to withstand."""
    families = {folder.parent.name for folder in SABOTAGES}
    assert families >= {"exits", "collection", "outcomes", "artifacts", "environment", "time", "leaks", "network"}
    assert len(SABOTAGES) >= 40
