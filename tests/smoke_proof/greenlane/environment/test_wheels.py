"""The wheels that a lane gets beside its lock."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from greenlane.environment import drift, wheels
from greenlane.environment.installers import find_uv
from greenlane.errors import EnvironmentBuildError
from support.wheelhouse import make_wheel

METADATA = "Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
SCRIPT = "[console_scripts]\nfoo = foo:main\n"


def original(folder: Path) -> Path:
    """Write a wheel with a script, data, and a file whose name has a comma."""
    target = folder / "foo_bar-1.0-py3-none-any.whl"
    files = {
        "foo/__init__.py": "def main():\n    print('main')\n",
        "foo/a, b.txt": "data",
        "foo_bar-1.0.dist-info/METADATA": METADATA,
        "foo_bar-1.0.dist-info/WHEEL": WHEEL,
        "foo_bar-1.0.dist-info/entry_points.txt": SCRIPT,
    }
    with zipfile.ZipFile(target, "w") as archive:
        rows = []
        for name, text in files.items():
            archive.writestr(name, text)
            (folder / "part").write_text(text)
            quoted = f'"{name}"' if "," in name else name
            rows.append(f"{quoted},sha256={drift.record_hash(folder / 'part')},{len(text)}")
        archive.writestr("foo_bar-1.0.dist-info/RECORD", "\n".join([*rows, "foo_bar-1.0.dist-info/RECORD,,"]) + "\n")
    return target


def install(wheel: Path, environment: Path) -> Path:
    """Install a wheel into a new environment and return its packages folder."""
    uv = find_uv(os.environ)
    assert uv, "the lane has uv"
    quiet = {"PATH": os.environ["PATH"], "HOME": str(environment), "UV_OFFLINE": "1", "UV_NO_CACHE": "1"}
    commands = (
        [uv, "venv", "--quiet", "--no-project", "--python", sys.executable, str(environment)],
        [uv, "pip", "install", "--quiet", "--python", str(environment / "bin" / "python"), "--no-deps", "--no-index",
         "--compile-bytecode", str(wheel)],
    )  # fmt: skip
    for command in commands:
        subprocess.run(command, env=quiet, check=True, capture_output=True)
    return drift.site_packages(environment)


def test_an_installed_distribution_can_be_packed_and_installed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same files, a RECORD that names no others, scripts made anew, and nothing that differs from its RECORD."""
    site = install(original(tmp_path), tmp_path / "one")
    packed = tmp_path / "packed"
    packed.mkdir()
    monkeypatch.syspath_prepend(str(site))

    wheel = wheels.repack("Foo.Bar", packed)

    with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(tmp_path / wheel.name) as first:
        names = {name for name in archive.namelist() if not name.endswith("RECORD")}
        assert names == {name for name in first.namelist() if not name.endswith("RECORD")}
        assert {name: archive.read(name) for name in names} == {name: first.read(name) for name in names}
        record = archive.read("foo_bar-1.0.dist-info/RECORD").decode().splitlines()
        assert {row[0] for row in csv.reader(record)} == set(archive.namelist())
    again = install(wheel, tmp_path / "two")
    assert (again / "foo" / "a, b.txt").read_text() == "data"
    assert drift.distributions(tmp_path / "two") == {"foo-bar": "1.0"}
    assert drift.poisoned(tmp_path / "two") == []
    script = subprocess.run([tmp_path / "two" / "bin" / "foo"], capture_output=True, text=True, check=True)
    assert script.stdout == "main\n"


def test_what_is_not_installed_cannot_be_packed(tmp_path: Path) -> None:
    """The user is told which distribution it is."""
    with pytest.raises(EnvironmentBuildError, match="no-such-thing is neither installed nor a checkout"):
        wheels.repack("no-such-thing", tmp_path)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("foo-1.0-py3-none-any.whl", ("foo", "1.0")),
        ("Foo_Bar.baz-2.0.post1-1build-cp311-cp311-linux_x86_64.whl", ("foo-bar-baz", "2.0.post1")),
    ],
)
def test_name_and_version_come_from_the_file_name(name: str, told: tuple[str, str]) -> None:
    """Normalised, whatever the platform and build tags."""
    assert wheels.name_and_version(Path(name)) == told


def test_the_digest_is_of_the_content_not_of_the_times(tmp_path: Path) -> None:
    """Two builds of the same files are the same; a changed file, another version or one more wheel is not."""
    folders = [tmp_path / name for name in "abcd"]
    for folder in folders:
        folder.mkdir()
    first, same = (make_wheel("foo", "1.0", folder, "X = 1\n") for folder in folders[:2])
    with zipfile.ZipFile(same) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(same, "w") as archive:
        for name in reversed(contents):
            archive.writestr(zipfile.ZipInfo(name, (2001, 1, 1, 1, 1, 2)), contents[name])
    changed = make_wheel("foo", "1.0", folders[2], "X = 2\n")
    newer = make_wheel("foo", "1.1", folders[3], "X = 1\n")

    digests = [wheels.content_digest(chosen) for chosen in ([first], [same], [changed], [newer], [first, newer])]

    assert digests[0] == digests[1]
    assert len(set(digests)) == 4
