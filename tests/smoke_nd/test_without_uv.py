"""A machine without uv: virtualenv, and the pip that it carries, build the same environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from greenlane.environment.build import Recipe, prepare
from greenlane.environment.installers import Virtualenv, find_installer
from support.wheelhouse import build_wheelhouse

pytestmark = pytest.mark.shard("shard_b")


def test_virtualenv_builds_a_lane(tmp_path: Path) -> None:
    """The environment holds what the lock says, without pip, is proved right, and found altered when it is."""
    lock = tmp_path / "core.txt"
    lock.write_text(build_wheelhouse(tmp_path / "wheels"))
    environ = {"PATH": os.environ["PATH"], "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "wheels")}
    installer = Virtualenv(tmp_path / "pip", environ)
    recipe = Recipe(location=tmp_path / "core", lock=lock, python="", project=None)
    said: list[str] = []
    environment = prepare(recipe, installer, said.append)
    assert environment.drift == ()
    assert said == ["building environment core from core.txt with virtualenv"]
    site = next((tmp_path / "core" / "lib").glob("python3*")) / "site-packages"
    assert (site / "pytest").is_dir()
    assert not (site / "pip").exists()
    (site / "iniconfig" / "__init__.py").write_text("altered = True\n")
    again = prepare(recipe, installer, said.append)
    assert any("iniconfig" in difference for difference in again.drift), again.drift
    assert "altered" not in (site / "iniconfig" / "__init__.py").read_text()


def test_virtualenv_is_chosen_without_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither this interpreter nor the PATH has uv beside it, virtualenv is taken."""
    bare = tmp_path / "bin" / "python"
    bare.parent.mkdir()
    bare.symlink_to(os.path.realpath(sys.executable))
    monkeypatch.setattr("sys.executable", str(bare))
    assert find_installer(tmp_path, {"PATH": str(bare.parent)}).name == "virtualenv"
    assert find_installer(tmp_path, dict(os.environ)).name == "uv"
