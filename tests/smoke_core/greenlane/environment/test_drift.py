"""Does an environment still hold what was put into it?"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from greenlane.environment import drift
from greenlane.environment.drift import Manifest

BODY = "VALUE = 1\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The packages folder of a made-up environment that holds `foo` 1.0 with a script."""
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    info = site / "foo_bar-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "foo").mkdir()
    (tmp_path / "bin").mkdir()
    for path in (site / "foo" / "__init__.py", site / "foo" / "other.py", tmp_path / "bin" / "foo"):
        path.write_text(BODY)
    (site / "foo" / "a, b.py").write_text(BODY)
    (site / "foo" / "__pycache__").mkdir()
    (site / "foo" / "__pycache__" / "__init__.cpython-311.pyc").write_bytes(b"code")
    sha = drift.record_hash(site / "foo" / "__init__.py")
    rows = ["foo/__init__.py", "foo/other.py", '"foo/a, b.py"', "../../../bin/foo"]
    record = [f"{row},sha256={sha},10" for row in rows] + ["foo_bar-1.0.dist-info/RECORD,,"]
    (info / "RECORD").write_text("\n".join(record) + "\n")
    return site


def manifest(location: Path) -> Manifest:
    """Return what a build would remember of an environment."""
    return Manifest(
        lock="l", wheels="w", tree="t", python="3.11", installer="uv", wheel_versions={},
        distributions=drift.distributions(location), files=drift.scan(location),
    )  # fmt: skip


def touch(path: Path) -> None:
    """Give a file another time and leave its content alone."""
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize(
    ("act", "found"),
    [
        pytest.param(lambda site: None, [], id="nothing"),
        pytest.param(lambda site: touch(site / "foo" / "other.py"), [], id="touched-and-equal"),
        pytest.param(lambda site: touch(site / "foo" / "a, b.py"), [], id="touched-with-a-comma-in-its-name"),
        pytest.param(lambda site: touch(site.parents[2] / "bin" / "foo"), [], id="script-touched-and-equal"),
        pytest.param(
            lambda site: (site / "foo" / "__pycache__" / "other.cpython-311.pyc").write_bytes(b""), [],
            id="byte-code-that-python-wrote",
        ),
        pytest.param(
            lambda site: (site / "foo" / "other.py").write_text("VALUE = 22\n"),
            ["altered: lib/python3.11/site-packages/foo/other.py"], id="altered",
        ),
        pytest.param(
            lambda site: [(site / "foo" / "other.py").write_text("VALUE = 2\n"), touch(site / "foo" / "other.py")],
            ["altered: lib/python3.11/site-packages/foo/other.py"], id="altered-in-the-same-size",
        ),
        pytest.param(
            lambda site: (site.parents[2] / "bin" / "foo").write_text("x"), ["altered: bin/foo"], id="altered-script"
        ),
        pytest.param(
            lambda site: (site / "foo" / "__pycache__" / "__init__.cpython-311.pyc").write_bytes(b"evil"),
            ["altered: lib/python3.11/site-packages/foo/__pycache__/__init__.cpython-311.pyc"], id="altered-byte-code",
        ),
        pytest.param(
            lambda site: (site / "foo" / "other.py").unlink(),
            ["missing: lib/python3.11/site-packages/foo/other.py"], id="missing",
        ),
        pytest.param(
            lambda site: (site / "sitecustomize.py").write_text(""),
            ["extra: lib/python3.11/site-packages/sitecustomize.py"], id="extra-module",
        ),
        pytest.param(
            lambda site: (site / "evil.pth").write_text("import os"),
            ["extra: lib/python3.11/site-packages/evil.pth"], id="extra-path-file",
        ),
        pytest.param(
            lambda site: (site / "link").symlink_to("/etc"), ["extra: lib/python3.11/site-packages/link"], id="link"
        ),
    ],
)  # fmt: skip
def test_files_that_differ_are_named(site: Path, act: Callable[[Path], object], found: list[str]) -> None:
    """Size and time are looked at first; where they differ, the hash in RECORD decides."""
    location = site.parents[2]
    before = manifest(location)

    act(site)

    assert drift.altered(location, before) == found


def test_many_differences_are_counted(site: Path) -> None:
    """Five names are enough to see what happened."""
    before = manifest(site.parents[2])
    for number in range(8):
        (site / f"extra_{number}.py").write_text("")

    (line,) = drift.altered(site.parents[2], before)

    assert line.count("extra_") == 5
    assert line.endswith(" and 3 more")


@pytest.mark.parametrize(
    ("act", "installed"),
    [
        pytest.param(lambda site: None, {"foo-bar": "1.0"}, id="as-built"),
        pytest.param(lambda site: (site / "six-1.17.dist-info").mkdir(), {"foo-bar": "1.0", "six": "1.17"}, id="extra"),
        pytest.param(
            lambda site: (site / "foo_bar-1.0.dist-info").rename(site / "foo_bar-1.1.dist-info"), {"foo-bar": "1.1"},
            id="changed-version",
        ),
        pytest.param(lambda site: (site / "foo_bar-1.0.dist-info").rename(site / "gone"), {}, id="missing"),
        pytest.param(
            lambda site: (site / "Zope.Interface-7.0.1.dist-info").mkdir(),
            {"foo-bar": "1.0", "zope-interface": "7.0.1"}, id="name-normalised",
        ),
    ],
)  # fmt: skip
def test_distributions_are_read_from_their_folders(
    site: Path, act: Callable[[Path], object], installed: dict[str, str]
) -> None:
    """Names as packaging compares them, versions as they are."""
    act(site)

    assert drift.distributions(site.parents[2]) == installed


def test_a_fresh_installation_is_held_against_its_records(site: Path) -> None:
    """A cache that somebody wrote to shows right after the installation."""
    assert drift.poisoned(site.parents[2]) == []

    (site / "foo" / "other.py").write_text("evil")

    assert drift.poisoned(site.parents[2]) == [
        "altered: lib/python3.11/site-packages/foo/other.py differs from its RECORD right after the installation"
    ]


def test_a_manifest_comes_back_as_it_was_written(site: Path) -> None:
    """And does not count as a file of the environment itself."""
    location = site.parents[2]
    before = manifest(location)
    drift.write(location, before)

    assert drift.read(location) == before
    assert drift.altered(location, before) == []


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"lock": 3}', b"\xff"])
def test_a_manifest_that_was_never_finished_is_none(tmp_path: Path, content: bytes | None) -> None:
    """A build that was interrupted is done again."""
    if content is not None:
        (tmp_path / drift.MANIFEST).write_bytes(content)

    assert drift.read(tmp_path) is None
