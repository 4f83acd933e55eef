"""What of the harness's own checkout a lane depends on: what its wheel is made from, and nothing else."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from greenlane.environment.wheels import MADE_FROM, source_state, wheels_state

FILES = ("src/greenlane/__init__.py", "src/greenlane/report/page.css", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder laid out as the harness's checkout is."""
    for name in (*FILES, "docs/page.md", "tests/test_it.py", "src/greenlane/__pycache__/x.cpython-311.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one")
    return tmp_path


@pytest.mark.parametrize("name", [*FILES, "src/greenlane/new.py"])
def test_what_goes_into_the_wheel_is_another_harness(checkout: Path, name: str) -> None:
    """By content and by name."""
    before = source_state(checkout)
    (checkout / name).write_text("two")
    assert source_state(checkout) != before


@pytest.mark.parametrize("name", ["docs/page.md", "tests/test_it.py", "src/greenlane/__pycache__/y.cpython-311.pyc"])
def test_what_does_not_is_the_same_one(checkout: Path, name: str) -> None:
    """Documentation, tests and bytecode make no other harness, and build no wheel again."""
    before = source_state(checkout)
    (checkout / name).write_text("two")
    assert source_state(checkout) == before


def test_a_project_of_its_own_builds_again_whatever_changes(tmp_path: Path) -> None:
    """Nobody knows what its build reads; of the harness itself it is known."""
    source = tmp_path / "greenlane"
    (tmp_path / "pyproject.toml").write_text('[build-system]\nrequires = ["hatchling"]\n')
    for of in (source, None):
        assert wheels_state(tmp_path, "one", "h", of) != wheels_state(tmp_path, "two", "h", of)
    assert wheels_state(source, "one", "h", source) == wheels_state(source, "two", "h", source) == "h"


def test_a_project_without_a_wheel_builds_none_again(tmp_path: Path) -> None:
    """What its lanes get is the harness, which is built again when it is another one."""
    (tmp_path / "pyproject.toml").write_text("[tool.greenlane]\n")
    assert wheels_state(tmp_path, "one", "h", None) == wheels_state(tmp_path, "two", "h", None)
    assert wheels_state(tmp_path, "one", "h", None) != wheels_state(tmp_path, "one", "i", None)


def test_the_build_reads_nothing_else() -> None:
    """The files are those that the project's metadata and its backend name."""
    content = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())
    project, backend = content["project"], content["tool"]["uv"]["build-backend"]
    assert {backend["module-root"], "pyproject.toml", project["readme"], *project["license-files"]} == set(MADE_FROM)
    assert content["build-system"]["build-backend"] == "uv_build"
    assert set(backend) == {"module-name", "module-root"}
