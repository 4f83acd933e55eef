"""What of the harness's own checkout a lane depends on: its package, and what the wheel is made from."""

from __future__ import annotations

import csv
import tomllib
import zipfile
from pathlib import Path

import pytest

from greenlane.environment.wheels import (
    MADE_FROM,
    distribution_state,
    harness_state,
    keep_harness,
    own_lines,
    package_state,
    source_state,
    wheels_state,
)

PROJECT = '[project]\nname = "greenlane"\ndependencies = ["msgspec"]\n[tool.greenlane]\n'
PACKAGE = ("src/greenlane/__init__.py", "src/greenlane/report/page.css", "src/greenlane/environment/control.txt")
INFO = "greenlane-0.1.0.dist-info"
FILES = ("src/greenlane/__init__.py", "src/greenlane/report/page.css", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder laid out as the harness's checkout is."""
    for name in (*FILES, "docs/page.md", "tests/test_it.py", "src/greenlane/__pycache__/x.cpython-311.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one")
    return tmp_path


@pytest.fixture
def houses(checkout: Path) -> Path:
    """A checkout with metadata, in which another package lies beside the harness."""
    for name in (*PACKAGE, "src/mini_agent/__init__.py", "src/greenlane_gateway/__init__.py"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("one")
    (checkout / "pyproject.toml").write_text(PROJECT)
    return checkout


@pytest.mark.parametrize("name", [*PACKAGE, "src/greenlane/new.py", "src/greenlane/new/data.json"])
def test_a_file_of_the_package_is_another_harness(houses: Path, name: str) -> None:
    """Code and data, what is changed and what is new."""
    before = package_state(houses)
    (houses / name).parent.mkdir(exist_ok=True)
    (houses / name).write_text("two")
    assert package_state(houses) != before


@pytest.mark.parametrize(
    "name", ["src/mini_agent/__init__.py", "src/mini_agent/new.py", "src/greenlane_gateway/__init__.py", "README.md"]
)
def test_what_lies_beside_the_package_is_the_same_harness(houses: Path, name: str) -> None:
    """Another package of its distribution makes another wheel, and no other harness."""
    harness, wheel = package_state(houses), source_state(houses)
    (houses / name).write_text("two")
    assert package_state(houses) == harness
    assert source_state(houses) != wheel


def test_what_the_harness_reads_of_the_metadata_is_another_one(houses: Path) -> None:
    """Its requirements and entry points count, its own lanes do not."""
    before = package_state(houses)
    file = houses / "pyproject.toml"
    file.write_text(f"{PROJECT}history = {{}}\n")
    assert package_state(houses) == before
    file.write_text(PROJECT.replace('"msgspec"', '"msgspec", "pytest"'))
    assert package_state(houses) != before


def test_of_what_was_installed_the_package_and_its_entry_points_count() -> None:
    """A RECORD has a line for each file: of another package, of byte code, and of notes that an installer makes."""
    lines = ["greenlane/__init__.py,sha256=1,1", f"{INFO}/entry_points.txt,sha256=2,2", "greenlane/page.css,sha256=3,3"]
    others = [
        "../../../bin/mini-agent,,", "mini_agent/__init__.py,sha256=4,4", "greenlane_gateway/x.py,sha256=5,5",
        f"{INFO}/direct_url.json,sha256=6,6", f"{INFO}/METADATA,sha256=7,7",
        "greenlane/__pycache__/__init__.cpython-311.pyc,sha256=8,8",
    ]  # fmt: skip
    assert own_lines("\n".join([*others, *lines])) == lines


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
        assert wheels_state(tmp_path, "one", of) != wheels_state(tmp_path, "two", of)
    assert wheels_state(source, "one", source) == wheels_state(source, "two", source) == distribution_state()


def test_an_installed_harness_knows_what_its_own_checkout_is_built_from(houses: Path) -> None:
    """The control environment decides in the checkout too: documentation builds no wheel there again, code does."""
    (houses / "pyproject.toml").write_text(f'{PROJECT}[build-system]\nrequires = ["uv_build"]\n')
    before = wheels_state(houses, "one", None)
    assert wheels_state(houses, "two", None) == before
    assert before.endswith(distribution_state())
    (houses / "src/mini_agent/__init__.py").write_text("two")
    assert wheels_state(houses, "one", None) != before


def test_a_project_without_a_wheel_builds_none_again(tmp_path: Path) -> None:
    """What its lanes get is the harness, which is built again when it is another one."""
    (tmp_path / "pyproject.toml").write_text("[tool.greenlane]\n")
    assert wheels_state(tmp_path, "one", None) == wheels_state(tmp_path, "two", None) == distribution_state()


def test_a_lane_without_the_project_builds_for_another_harness_alone(houses: Path) -> None:
    """Whatever changes in the project, and beside the harness in its distribution."""
    assert wheels_state(None, "one", houses) == wheels_state(None, "two", houses) == harness_state()


def test_the_harness_alone_is_what_its_wheel_keeps(tmp_path: Path) -> None:
    """Neither another package nor its script, nor the description; the rest is a wheel that can be installed."""
    files = {
        "greenlane/__init__.py": "one",
        "greenlane/data, more.txt": "",
        "mini_agent/__init__.py": "two",
        "greenlane_gateway.py": "three",
        f"{INFO}/METADATA": "Name: greenlane\nVersion: 0.1.0\n\n# README\n\nof both\n",
        f"{INFO}/entry_points.txt": "[console_scripts]\ngreenlane = greenlane.cli:main\n"
        "mini-agent = mini_agent.cli:main\n[pytest11]\ngreenlane = greenlane.pytest_plugin\n",
        f"{INFO}/RECORD": "mini_agent/__init__.py,,\n",
    }
    wheel = tmp_path / "greenlane-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    keep_harness(wheel)
    with zipfile.ZipFile(wheel) as archive:
        kept = {name: archive.read(name).decode() for name in archive.namelist()}
    rows = list(csv.reader(kept.pop(f"{INFO}/RECORD").splitlines()))
    assert {row[0] for row in rows} == {*kept, f"{INFO}/RECORD"}
    assert ["greenlane/data, more.txt", "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", "0"] in rows
    assert kept == {
        "greenlane/__init__.py": "one",
        "greenlane/data, more.txt": "",
        f"{INFO}/METADATA": "Name: greenlane\nVersion: 0.1.0\n",
        f"{INFO}/entry_points.txt": "[console_scripts]\ngreenlane = greenlane.cli:main\n"
        "[pytest11]\ngreenlane = greenlane.pytest_plugin\n",
    }


def test_the_build_reads_nothing_else() -> None:
    """The files are those that the project's metadata and its backend name."""
    content = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())
    project, backend = content["project"], content["tool"]["uv"]["build-backend"]
    assert {backend["module-root"], "pyproject.toml", project["readme"], *project["license-files"]} == set(MADE_FROM)
    assert content["build-system"]["build-backend"] == "uv_build"
    assert set(backend) == {"module-name", "module-root"}
