"""The wheels that a lane gets beside its lock: the project's own, and the running harness."""

from __future__ import annotations

import hashlib
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import greenlane
from greenlane.control.environment.installers import Installer
from greenlane.errors import EnvironmentBuildError
from greenlane.rules.locks import normalise

HARNESS = "greenlane"


def is_package(project: Path) -> bool:
    """Return whether a project declares a build backend, and so has a wheel."""
    try:
        content = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    return "build-system" in content


def harness_source() -> Path | None:
    """Return the checkout that the running harness is imported from; None when it is installed."""
    root = Path(greenlane.__file__).resolve().parents[2]
    file = root / "pyproject.toml"
    if not file.exists():
        return None
    name = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {}).get("name", "")
    return root if normalise(name) == HARNESS else None


def build(project: Path | None, installer: Installer, into: Path) -> list[Path]:
    """Build the wheels of an environment and return their paths.

    The harness in the lane is always the one that runs: the plugin cannot be of another version.

    Args:
        project: the folder with `pyproject.toml`; None for the harness alone.
        installer: who builds.
        into: an empty folder.

    Raises:
        EnvironmentBuildError: a wheel could not be built.
    """
    into.mkdir(parents=True, exist_ok=True)
    source = harness_source()
    if project is not None and is_package(project):
        installer.build_wheel(project, into)
    if source is None:
        _repack(into)
    elif project is None or source != project.resolve():
        installer.build_wheel(source, into)
    return sorted(into.glob("*.whl"))


def _repack(into: Path) -> None:
    """Write the installed harness as a wheel again, from the files of its RECORD."""
    try:
        installed = distribution(HARNESS)
    except PackageNotFoundError as error:
        raise EnvironmentBuildError("the running greenlane is neither installed nor a checkout") from error
    target = into / f"{HARNESS}-{installed.version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for file in sorted(installed.files or (), key=str):
            # Scripts and byte code are made again by the installer; they lie outside the package folders.
            if str(file).startswith("..") or file.suffix == ".pyc" or file.name in ("INSTALLER", "REQUESTED"):
                continue
            entry = zipfile.ZipInfo(str(file).replace("\\", "/"))
            archive.writestr(entry, Path(str(installed.locate_file(file))).read_bytes())


def name_and_version(wheel: Path) -> tuple[str, str]:
    """Return the normalised name and the version that a wheel's file name gives."""
    name, version = wheel.name.split("-")[:2]
    return normalise(name), version


def content_digest(wheels: list[Path]) -> str:
    """Return the SHA-256 of what wheels contain; the times inside the archives do not count."""
    state = hashlib.sha256()
    for wheel in wheels:
        state.update(wheel.name.encode())
        with zipfile.ZipFile(wheel) as archive:
            for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
                if not entry.filename.endswith("/RECORD"):
                    state.update(f"{entry.filename}\0{entry.CRC}\0{entry.file_size}\0".encode())
    return state.hexdigest()
