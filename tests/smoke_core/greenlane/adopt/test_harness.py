"""Where a repository gets greenlane from: a wheel, a folder, an index; and what is said where nothing has it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from greenlane.adopt.harness import harness_requirement, index_has_harness, is_elsewhere, with_harness
from greenlane.adopt.scaffold import template
from greenlane.errors import ConfigError

NOXFILE = template("noxfile.py.txt")


def test_a_wheel_or_folder_of_the_repository_is_named_from_there(tmp_path: Path) -> None:
    """So that it is found on every machine that has the repository; of several wheels the newest file counts."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for number, name in enumerate(("greenlane-0.2-py3-none-any.whl", "greenlane-0.10-py3-none-any.whl")):
        (wheels / name).touch()
        os.utime(wheels / name, (number, number))
    newest = "greenlane[control] @ file:wheels/greenlane-0.10-py3-none-any.whl"
    assert harness_requirement(tmp_path, "wheels") == newest
    assert harness_requirement(tmp_path, "wheels/greenlane-0.2-py3-none-any.whl").endswith(
        "greenlane-0.2-py3-none-any.whl"
    )
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "pyproject.toml").touch()
    assert harness_requirement(tmp_path, "checkout") == "greenlane[control] @ file:checkout"
    outside = harness_requirement(checkout, "../wheels")
    assert is_elsewhere(outside)
    assert not is_elsewhere(newest)


@pytest.mark.parametrize(
    ("words", "requirement"),
    [
        ("greenlane", "greenlane[control]"),
        ("greenlane>=0.2,<1", "greenlane[control]>=0.2,<1"),
        ("greenlane[postgres] == 0.2", "greenlane[control,postgres]== 0.2"),
        ("greenlane @ https://example.org/g.whl", "greenlane[control] @ https://example.org/g.whl"),
    ],
)
def test_a_requirement_gets_what_decides(tmp_path: Path, words: str, requirement: str) -> None:
    """With the extra of the control environment, whatever else is asked for."""
    assert harness_requirement(tmp_path, words) == requirement


@pytest.mark.parametrize(
    "words", ["no/such.whl", "other.whl", "empty", "pytest>=9", "greenlane; rm -rf /", 'greenlane"']
)
def test_anything_else_is_refused(tmp_path: Path, words: str) -> None:
    """A file that is not there or is no wheel of greenlane, a folder without one, another distribution."""
    (tmp_path / "other.whl").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="--harness"):
        harness_requirement(tmp_path, words)


def test_the_noxfile_brings_it_or_says_so() -> None:
    """Its metadata name the requirement; without one there are none, and a sentence stands for the traceback."""
    assert '# dependencies = ["greenlane[control] @ file:w/g.whl", "nox"]' in with_harness(
        NOXFILE, "greenlane[control] @ file:w/g.whl"
    )
    bare = with_harness(NOXFILE, "")
    assert "# ///" not in bare
    known = bare.replace("greenlane.nox_sessions", "no_such_harness.nox_sessions")
    with pytest.raises(SystemExit, match="greenlane is not installed beside nox; see greenlane init --harness"):
        exec(compile(known, "noxfile.py", "exec"), {"__file__": "noxfile.py"})


def test_the_index_is_asked_for_this_very_greenlane(tmp_path: Path) -> None:
    """An index without it says no; one that does not answer says nothing."""
    (tmp_path / "simple").mkdir()
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "UV_HTTP_RETRIES": "0"}
    assert not index_has_harness(tmp_path, {**environ, "UV_DEFAULT_INDEX": (tmp_path / "simple").as_uri()})
    assert index_has_harness(tmp_path, {**environ, "UV_DEFAULT_INDEX": "http://127.0.0.1:1/simple"})
