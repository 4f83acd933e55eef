"""Environments for everybody's metadata: what only a build backend knows is in the lock, and in the lane."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.backend import with_backend
from support.tiny import CORE, TinyProject
from support.wheelhouse import make_wheel

MakeTiny = Callable[..., TinyProject]
NEEDS = ("Requires-Dist: newcomer", "Provides-Extra: more", "Requires-Dist: seldom ; extra == 'more'")


@pytest.fixture
def house(make_tiny: MakeTiny, tmp_path: Path) -> Callable[[], TinyProject]:
    """Make tiny projects whose installers find more wheels than those of a lane."""

    def make() -> TinyProject:
        project = make_tiny()
        links = tmp_path / "wheels"
        links.mkdir()
        for wheel in project.wheelhouse.glob("*.whl"):
            (links / wheel.name).hardlink_to(wheel)
        # An installer writes a space or a plus of a path otherwise in an address.
        project.path = tmp_path / "a house + ours"
        project.path.mkdir()
        project.wheelhouse = links
        project.environments = tmp_path / "environments"
        for name in ("newcomer", "seldom"):
            make_wheel(name, "2.0", links, "value = 41\n")
        # A test tool that depends on the very project that it tests, as virtualenv does on filelock.
        make_wheel("tool", "1.0", links, needs=("owned>=3",))
        make_wheel("owned", "9.9", links, "value = 'from the index'\n")
        return project

    return make


def test_what_only_the_backend_knows(house: Callable[[], TinyProject]) -> None:
    """Dependencies, an extra and the version come from built metadata; the project is never pinned from the index."""
    core = {**CORE, "extras": ["more"], "requirements": ["tool", "more.txt"]}
    project = house().section("build_env", ["PRETEND_VERSION=3.1"]).lanes(core=core)
    with_backend(project, *NEEDS).write("more.txt", "iniconfig\n")
    (project.path / "locks" / "core.txt").unlink()
    ran = project.greenlane("lock")
    assert ran.code == 0, ran.output
    lock = (project.path / "locks" / "core.txt").read_text()
    pinned = {line.split("==")[0] for line in lock.splitlines() if "==" in line}
    assert {"newcomer", "seldom", "tool", "iniconfig", "pytest"} <= pinned
    assert "owned" not in pinned
    assert str(project.path) not in lock
    assert "# via owned" in lock

    project.test("""
        from importlib.metadata import version
        import newcomer, owned, seldom, tool
        def test_it():
            assert (version("owned"), owned.value, newcomer.value) == ("3.1", 1, 41)
    """)
    ran = project.greenlane("lane", "core")
    assert ran.code == 0, ran.output
    assert project.greenlane("lock", "--check").code == 0

    # The version of a tag is the project's, where nobody pretends another.
    project.write("pyproject.toml", (project.path / "pyproject.toml").read_text().replace("PRETEND_VERSION=3.1", "X=1"))
    project.test("from importlib.metadata import version\ndef test_it():\n    assert version('owned') == '3.2'\n")
    project.write(".gitignore", "__pycache__\n.artifacts\n")
    git = ["git", "-C", str(project.path), "-c", "user.name=x", "-c", "user.email=x@x"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"], ["tag", "v3.2"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    ran = project.greenlane("lane", "core")
    assert ran.code == 0, ran.output

    # A version that its dependants exclude is told, and how to set it.
    subprocess.run([*git, "tag", "-d", "v3.2"], check=True, capture_output=True)
    ran = project.greenlane("lane", "core")
    assert (ran.code, ran.codes) == (1, {"DRIFT"}), ran.output
    assert "tool" in ran.output
    assert "owned" in ran.output
    assert "build_env" in ran.output


def test_a_build_that_fails_says_why(house: Callable[[], TinyProject]) -> None:
    """The backend's own error is shown, and it is the project's matter: a CONFIG_ERROR."""
    project = with_backend(house().lanes(), failure='raise SystemExit("no compiler for frobnicate")')
    ran = project.test("def test_it(): pass\n").greenlane("lane", "core")
    assert ran.code == 2, ran.output
    assert "CONFIG_ERROR: building the wheel of a house + ours failed" in ran.output
    assert "no compiler for frobnicate" in ran.output


def test_a_conflict_names_whose_need_it_is(house: Callable[[], TinyProject]) -> None:
    """Where the project excludes what the harness needs, the message says so; otherwise it does not."""
    project = house().lanes(core={**CORE, "requirements": ["msgspec<0.1"]})
    make_wheel("msgspec", "0.0.9", project.wheelhouse)
    ran = project.greenlane("lock")
    assert ran.code == 2, ran.output
    assert "the project's requirements exclude what greenlane needs: msgspec>=0.19, pytest>=8.4" in ran.output
    project.lanes(core={**CORE, "requirements": ["nowhere-to-be-found"]})
    ran = project.greenlane("lock")
    assert ran.code == 2, ran.output
    assert "exclude what greenlane needs" not in ran.output
    assert "nowhere-to-be-found" in ran.output


def test_no_index_is_no_drift(house: Callable[[], TinyProject], tmp_path: Path) -> None:
    """An index that does not answer is a CONFIG_ERROR that says which variables name one."""
    project = house().lanes().test("def test_it(): pass\n")
    nowhere = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_FIND_LINKS": "", "UV_HTTP_RETRIES": "0"}
    nowhere |= {"UV_NO_INDEX": "0", "UV_OFFLINE": "0", "UV_CACHE_DIR": str(tmp_path / "cache")}
    ran = project.greenlane("lane", "core", **nowhere)
    assert ran.code == 2, ran.output
    assert "CONFIG_ERROR: installing core.txt failed: the package index did not answer" in ran.output
    assert "UV_DEFAULT_INDEX" in ran.output
    assert "DRIFT" not in ran.output


def test_a_certificate_that_only_the_system_knows(house: Callable[[], TinyProject], tmp_path: Path) -> None:
    """Where uv's own certificates do not suffice it is asked again with the system's."""
    project = house().lanes()
    (project.path / "locks" / "core.txt").unlink()
    uv = tmp_path / "uv"
    real = subprocess.run(["which", "uv"], env=project.environment(), capture_output=True, text=True, check=True)
    refused = "echo 'error: invalid peer certificate: UnknownIssuer' >&2; exit 2"
    uv.write_text(f'#!/bin/sh\n[ "$UV_SYSTEM_CERTS" = 1 ] || {{ {refused}; }}\nexec {real.stdout.strip()} "$@"\n')
    uv.chmod(0o755)
    ran = project.greenlane("lock", GREENLANE_UV=str(uv))
    assert ran.code == 0, ran.output
    assert "written: locks/core.txt" in ran.output


def test_a_lane_may_have_the_project_as_its_files_lie(house: Callable[[], TinyProject]) -> None:
    """The code of the work tree itself is imported, what is changed there at once; the wheel comes back without it."""
    project = house().section("build_env", ["PRETEND_VERSION=3.1"]).lanes(core={**CORE, "editable": True})
    with_backend(project)
    tests = """
        import os, owned
        from importlib.metadata import version
        def test_it():
            assert (version("owned"), owned.value) == ("3.1", @VALUE@)
            assert (os.path.dirname(owned.__file__) == os.getcwd()) is @HERE@
    """
    file = project.path / "pyproject.toml"
    for value, here in (("1", "True"), ("2", "True"), ("2", "False")):
        project.write("owned.py", f"value = {value}\n")
        project.test(tests.replace("@VALUE@", value).replace("@HERE@", here))
        file.write_text(file.read_text().replace("editable = true", f"editable = {here.lower()}"))
        ran = project.greenlane("lane", "core")
        assert ran.code == 0, ran.output
        assert not ran.codes, ran.output
