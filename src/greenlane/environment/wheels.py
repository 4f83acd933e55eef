"""The wheels that a lane gets beside its lock: the project's own, and the running harness."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from greenlane.config.project import read_project
from greenlane.environment.installers import Installer
from greenlane.errors import EnvironmentBuildError
from greenlane.util.checkout import HARNESS, canonical_name, harness_source
from greenlane.util.work_tree import described

MADE_FROM = ("src", "pyproject.toml", "README.md", "LICENSE")
"""What the wheel of a checkout of the harness is made from; its build backend reads nothing else."""


def harness_state() -> str:
    """Return what identifies the running harness: its package and metadata, of a checkout or of what was installed.

    What else its distribution holds is none of it.
    """
    source = harness_source()
    return _installed(f"{HARNESS}/", f"{HARNESS}-") if source is None else package_state(source)


def package_state(source: Path) -> str:
    """Return the SHA-256 of the harness's package in a checkout, and of the metadata that it reads there."""
    metadata = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return _digest_of(source, (f"src/{HARNESS}",), json.dumps(metadata, sort_keys=True).encode())


def distribution_state() -> str:
    """Return what identifies the wheel that the harness comes in: while it stays, it need not be built again."""
    source = harness_source()
    return _installed() if source is None else source_state(source)


def _installed(*of: str) -> str:
    """Return the SHA-256 of what was installed as the harness; empty without that.

    Args:
        of: how those paths begin that count; none for all.
    """
    from importlib import metadata  # dear, and of no use to a checkout

    try:
        record = metadata.distribution(HARNESS).read_text("RECORD") or ""
    except metadata.PackageNotFoundError:
        return ""
    return hashlib.sha256("\n".join(recorded(record, of)).encode()).hexdigest()


def recorded(record: str, of: tuple[str, ...] = ()) -> list[str]:
    """Return the lines of a RECORD whose paths begin in one of several ways; without any, all lines."""
    return [line for line in record.splitlines() if not of or line.startswith(of)]


def source_state(source: Path) -> str:
    """Return the SHA-256 of what a checkout of the harness makes a wheel from."""
    return _digest_of(source, MADE_FROM)


def _digest_of(root: Path, names: tuple[str, ...], beside: bytes = b"") -> str:
    """Return the SHA-256 of files, and of all files below folders, by name and content.

    Args:
        root: where they are; names: of files and folders, relative to it.
        beside: what else counts.
    """
    state = hashlib.sha256(beside)
    for path in sorted(path for name in names for path in _sources(str(root), name)):
        content = Path(root, path).read_bytes()
        state.update(f"{path.replace(os.sep, '/')}\0".encode() + hashlib.sha256(content).digest())
    return state.hexdigest()


def _sources(root: str, name: str) -> Iterator[str]:
    """Yield a file, or the files below a folder, relative to the root and without bytecode."""
    if os.path.isfile(os.path.join(root, name)):
        yield name
    for folder, _, files in os.walk(os.path.join(root, name)):
        below = os.path.relpath(folder, root)
        paths = (os.path.join(folder, file) for file in files if not file.endswith(".pyc"))
        yield from (os.path.join(below, os.path.basename(path)) for path in paths if os.path.isfile(path))


def wheels_state(project: Path, tree: str, harness: str, source: Path | None) -> str:
    """Return what identifies the wheels of a lane: while it stays, none of them has to be built again.

    Args:
        project: absolute path of the project; any file of it may be in its wheel, where it has one.
        tree: state of its work tree; harness: state of the distribution that the harness comes in.
        source: checkout that the harness runs from, which may be the project itself; None when it is installed.
    """
    alone = source == project or not read_project(project).package
    return harness if alone else _built_from(project, tree) + harness


def _built_from(project: Path, tree: str) -> str:
    """Return what identifies a project's own wheel; of the harness's it is known what it is made from.

    Args:
        tree: state of the work tree.
    """
    # An installed harness, as the control environment's, may well decide in its own checkout.
    own = canonical_name(read_project(project).name) == HARNESS
    return source_state(project) if own else tree + described(project)


def build(project: Path | None, installer: Installer, into: Path, *, harness: bool = True) -> list[Path]:
    """Build the wheels of an environment and return their paths.

    The harness in the lane is always the one that runs: the plugin cannot be of another version.

    Args:
        project: the folder with `pyproject.toml`; None for none.
        into: an empty folder.
        harness: whether the harness is among them.

    Raises:
        ConfigError: a wheel could not be built.
        EnvironmentBuildError: the harness is neither installed nor a checkout.
    """
    into.mkdir(parents=True, exist_ok=True)
    source = harness_source()
    if project is not None and read_project(project).package:
        installer.build_wheel(project, into)
    if not harness:
        return sorted(into.glob("*.whl"))
    if source is None:
        repack(HARNESS, into)
    elif project is None or source != project.resolve():
        installer.build_wheel(source, into)
    return sorted(into.glob("*.whl"))


def repack(name: str, into: Path) -> Path:
    """Write an installed distribution as a wheel again, from the files of its RECORD, and return its path.

    Raises:
        EnvironmentBuildError: the distribution is not installed.
    """
    from importlib import metadata

    try:
        installed = metadata.distribution(name)
    except metadata.PackageNotFoundError as error:
        raise EnvironmentBuildError(f"{name} is neither installed nor a checkout") from error
    files = {str(file).replace("\\", "/"): Path(str(installed.locate_file(file))) for file in installed.files or ()}
    packed = {path: file for path, file in files.items() if _belongs_in_wheel(path)}
    tag = (installed.read_text("WHEEL") or "").split("Tag: ")[1].split()[0]
    target = into / f"{canonical_name(name).replace('-', '_')}-{installed.version}-{tag}.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, file in sorted(packed.items()):
            content = file.read_bytes()
            if path.endswith(".dist-info/RECORD"):
                lines = content.decode().splitlines()
                names = [row[0] for row in csv.reader(lines)]
                content = "".join(f"{line}\n" for line, n in zip(lines, names, strict=True) if n in packed).encode()
            archive.writestr(zipfile.ZipInfo(path), content)
    return target


def _belongs_in_wheel(path: str) -> bool:
    """Return whether an installed file came from the wheel; the rest is made again by the installer."""
    made = ("INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json")
    return not path.startswith("..") and not path.endswith(".pyc") and path.rpartition("/")[2] not in made


def name_and_version(wheel: Path) -> tuple[str, str]:
    """Return the normalised name and the version that a wheel's file name gives."""
    name, version = wheel.name.split("-")[:2]
    return canonical_name(name), version


def content_digest(wheels: list[Path], in_place: Path | None = None) -> str:
    """Return the SHA-256 of what wheels contain; the times inside the archives do not count.

    Args:
        wheels: paths of them; in_place: a project that is installed beside them as its files lie.
    """
    state = hashlib.sha256(b"" if in_place is None else os.fsencode(in_place))
    for wheel in wheels:
        state.update(wheel.name.encode())
        with zipfile.ZipFile(wheel) as archive:
            for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
                if not entry.filename.endswith("/RECORD"):
                    state.update(f"{entry.filename}\0{entry.CRC}\0{entry.file_size}\0".encode())
    return state.hexdigest()
