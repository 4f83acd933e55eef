"""The README's snippets make a project whose lane is green."""

from __future__ import annotations

import re
from pathlib import Path

from support.tiny import TinyProject

README = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of a language in the README."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_snippets_make_a_project(tiny: TinyProject) -> None:
    """The noxfile and the configuration of the README, pasted into an empty project, run a green lane."""
    lock = tiny.lock
    (noxfile,), (config,) = blocks("python"), blocks("toml")
    where = f'[tool.greenlane]\nenvironments = "{tiny.environments}"\nhistory = {{ enabled = false }}\n\n'
    tiny.write("pyproject.toml", where + config).write("locks/core.txt", lock).write("locks/nd.txt", lock)
    tiny.test("def test_ok():\n    assert True\n", "tests/core/test_ok.py")
    tiny.sections["lanes"] = {"core": {}}
    ran = tiny.nox("core")
    assert (tiny.path / "noxfile.py").read_text() == noxfile
    assert ran.code == 0, ran.output
    assert "core: GREEN" in ran.output
