"""Which files a lane can see, and what identifies each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from greenlane.config.load import load
from greenlane.run.inputs import Inputs, inputs_of

LANE = """
[tool.greenlane.lanes.core]
kind = "deterministic"
tests = ["tests"]
inputs = [{inputs}]
"""
FILES = ("tests/test_it.py", "src/here/code.py", "src/data.txt", "other/data.txt", ".git/data.txt")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with files of several folders."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one")
    return tmp_path


def seen(project: Path, *patterns: str) -> Inputs:
    """Return what a lane with some inputs can see."""
    (project / "pyproject.toml").write_text(LANE.format(inputs=", ".join(f'"{pattern}"' for pattern in patterns)))
    settings = load(project, {})
    return inputs_of(settings, settings.lane("core"), project / ".artifacts/core", project / "stage")


@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        ("src/**", ["src/data.txt", "src/here/", "src/here/code.py"]),
        ("**/data.txt", [".git/data.txt", "other/data.txt", "src/data.txt"]),
        ("*/data.txt", [".git/data.txt", "other/data.txt", "src/data.txt"]),
        ("?rc/data.txt", ["src/data.txt"]),
        ("src**", ["src/", "src/data.txt", "src/here/", "src/here/code.py"]),
        ("other", ["other/"]),
        (".git/**", [".git/data.txt"]),
    ],
)
def test_what_a_pattern_means_is_seen_wherever_it_lies(project: Path, pattern: str, files: list[str]) -> None:
    """Folders that no pattern can mean are not looked into; of all others nothing is missed."""
    always = {"pyproject.toml", "tests/", "tests/test_it.py"}
    assert sorted(seen(project, pattern).files.keys() - always) == files


@pytest.mark.skipif(os.name == "nt", reason="files there have no such bits")
def test_content_and_who_may_execute_it_identify_a_file(project: Path) -> None:
    """Also where only the owner's bit changes and others' stays."""
    code = project / "src/data.txt"
    code.chmod(0o655)
    digests = {seen(project, "src/**").files["src/data.txt"]}
    code.chmod(0o755)
    digests.add(seen(project, "src/**").files["src/data.txt"])
    code.write_text("two")
    digests.add(seen(project, "src/**").files["src/data.txt"])
    assert len(digests) == 3


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_is_where_it_leads(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Its target is its digest; one that leads out of the work tree is told apart."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (project / "src/inside").symlink_to("data.txt")
    (project / "src/outside").symlink_to(elsewhere)
    found = seen(project, "src/**")
    assert found.files["src/inside"] == "link data.txt"
    assert found.outside == ("src/outside",)
