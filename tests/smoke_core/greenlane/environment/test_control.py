"""What the control environment is made of, so that extensions of a project are there where it is decided."""

from __future__ import annotations

from pathlib import Path

from greenlane.config.load import Settings, load
from greenlane.environment.control_environment import control_recipe
from greenlane.environment.lock_state import lock_states
from greenlane.environment.locks import CONTROL_LOCK, other_input

LANE = '[tool.greenlane.lanes.core]\nkind = "deterministic"\ntests = ["tests"]\n'
EXTENDED = (
    LANE
    + """
[tool.greenlane.locks.control]
groups = ["readiness"]
project = true

[dependency-groups]
readiness = ["house-rules>=1"]

[project]
name = "shop"
version = "1"
dependencies = ["tomli>=2"]
"""
)


def settings(folder: Path, text: str) -> Settings:
    """Return the settings of a project in a folder."""
    (folder / "pyproject.toml").write_text(text)
    return load(folder, {})


def test_by_itself_it_is_what_the_harness_brings(tmp_path: Path) -> None:
    """A project that says nothing has nothing to lock for it."""
    recipe = control_recipe(settings(tmp_path, LANE))
    assert (recipe.lock, recipe.project, recipe.harness) == (CONTROL_LOCK, None, True)


def test_a_project_adds_its_extensions(tmp_path: Path) -> None:
    """Its lock holds what it asks for beside what the harness needs, and the project's wheel goes in as well."""
    extended = settings(tmp_path, EXTENDED)
    recipe = control_recipe(extended)
    assert (recipe.lock, recipe.project, recipe.harness) == (tmp_path / "locks" / "control.txt", tmp_path, True)
    made_from = other_input(extended, "control")
    assert made_from.words == ("pyproject.toml", "--all-extras", "--group", "readiness")
    assert any(requirement.startswith("sqlalchemy") for requirement in made_from.harness)
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "control.txt").write_text("tomli==2.0 --hash=sha256:00\n")
    reason = {lock.path: lock.reason for lock in lock_states(extended)}["locks/control.txt"]
    assert "house-rules>=1 is wanted, the lock lacks it" in reason
    assert "sqlalchemy" in reason
