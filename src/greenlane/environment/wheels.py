"""The wheels that a lane gets beside its lock: the project's own, and the running harness."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
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

OWN = (f"{HARNESS}/", f"{HARNESS}-")
"""How the paths begin, in its wheel and where it is installed, of the harness's package and its metadata."""

MADE_FROM = ("src", "pyproject.toml", "README.md", "LICENSE")
"""What the wheel of a checkout of the harness is made from; its build backend reads nothing else."""


def harness_state() -> str:
    """Return what identifies the running harness: its package and metadata, of a checkout or of what was installed.

    What else its distribution holds is none of it.
    """
    source = harness_source()
    if source is not None:
        return package_state(source)
    lines = own_lines(_installed("RECORD"))
    # The description is the README: documentation, on which no lane's result can depend.
    return hashlib.sha256("\n".join([*lines, _installed("METADATA").partition("\n\n")[0]]).encode()).hexdigest()


def package_state(source: Path) -> str:
    """Return the SHA-256 of the harness's package in a checkout, and of what decides how a wheel is made of it."""
    declared = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))
    deciding = [declared["project"], declared.get("build-system"), declared.get("tool", {}).get("uv")]
    return _digest_of(source, (f"src/{HARNESS}",), json.dumps(deciding, sort_keys=True).encode())


def distribution_state() -> str:
    """Return what identifies the wheel that the harness comes in: while it stays, it need not be built again."""
    source = harness_source()
    return hashlib.sha256(_installed("RECORD").encode()).hexdigest() if source is None else source_state(source)


def _installed(name: str) -> str:
    """Return a file of the metadata of the harness as it was installed; empty without that."""
    from importlib import metadata  # dear, and of no use to a checkout

    try:
        return metadata.distribution(HARNESS).read_text(name) or ""
    except metadata.PackageNotFoundError:
        return ""


def own_lines(record: str) -> list[str]:
    """Return the lines of a RECORD that are about the harness's package and its entry points.

    Byte code has its time in it, and what an installer notes of itself is new with every installation.
    """
    paths = ((line, line.partition(",")[0]) for line in record.splitlines())
    own = ((line, path) for line, path in paths if path.startswith(OWN) and not path.endswith(".pyc"))
    return [line for line, path in own if path.startswith(f"{HARNESS}/") or path.endswith("/entry_points.txt")]


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


def wheels_state(project: Path | None, tree: str, source: Path | None) -> str:
    """Return what identifies the wheels of a lane: while it stays, none of them has to be built again.

    Args:
        project: absolute path of the project; any file of it may be in its wheel, where it has one. None for a lane
            that has the harness alone.
        tree: state of its work tree.
        source: checkout that the harness runs from, which may be the project itself; None when it is installed.
    """
    if project is None:
        return harness_state()
    alone = source == project or not read_project(project).package
    return distribution_state() if alone else _built_from(project, tree) + distribution_state()


def _built_from(project: Path, tree: str) -> str:
    """Return what identifies a project's own wheel; of the harness's it is known what it is made from.

    Args:
        tree: state of the work tree.
    """
    # An installed harness, as the control environment's, may well decide in its own checkout.
    own = canonical_name(read_project(project).name) == HARNESS
    return source_state(project) if own else tree + described(project)


def build(
    project: Path | None, installer: Installer, into: Path, *, harness: bool = True, alone: bool = False
) -> list[Path]:
    """Build the wheels of an environment and return their paths.

    The harness in the lane is always the one that runs: the plugin cannot be of another version.

    Args:
        project: the folder with `pyproject.toml`; None for none.
        into: an empty folder.
        harness: whether the harness is among them; alone: without what else its distribution holds.

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
    if alone:
        for wheel in into.glob("*.whl"):
            keep_harness(wheel)
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


def keep_harness(wheel: Path) -> None:
    """Leave in a wheel of the harness's distribution what the harness is: `package_state` tells when it is another."""
    with zipfile.ZipFile(wheel) as archive:
        content = {name: archive.read(name) for name in archive.namelist() if name.startswith(OWN)}
    (record,) = (name for name in content if name.endswith(".dist-info/RECORD"))
    folder = record.rpartition("/")[0]
    del content[record]
    # The description is the README: documentation, on which no lane's result can depend.
    content[f"{folder}/METADATA"] = content[f"{folder}/METADATA"].partition(b"\n\n")[0] + b"\n"
    points = content[f"{folder}/entry_points.txt"].decode().splitlines(keepends=True)
    ours = (line for line in points if "=" not in line or line.partition("=")[2].strip().startswith(f"{HARNESS}."))
    content[f"{folder}/entry_points.txt"] = "".join(ours).encode()
    rows = io.StringIO(newline="")
    csv.writer(rows, lineterminator="\n").writerows(
        [*((name, _recorded_digest(data), len(data)) for name, data in sorted(content.items())), (record, "", "")]
    )
    content[record] = rows.getvalue().encode()
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in content.items():
            archive.writestr(zipfile.ZipInfo(name), data)


def _recorded_digest(content: bytes) -> str:
    """Return a digest as a RECORD writes it."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


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
