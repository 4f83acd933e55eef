"""Does an environment still hold exactly what was put into it?

A manifest remembers every file's size and time. Where one differs, the hash in the distribution's RECORD decides.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import os
from pathlib import Path

import msgspec

from greenlane.util.checkout import canonical_name
from greenlane.util.files import write_atomically

MANIFEST = "greenlane-environment.json"
SHOWN = 5
"""How many altered files are named."""

BY_DESCRIPTOR = os.scandir in os.supports_fd

Stat = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment was built from and what it held then.

    Attributes:
        lock: SHA-256 of the lock; wheels: of the wheels' content.
        tree: state of the work tree from which the wheels were built.
        distributions: version by normalised name.
        files: size and time of every file, by path relative to the environment.
    """

    lock: str
    wheels: str
    tree: str
    python: str
    installer: str
    wheel_versions: dict[str, str]
    distributions: dict[str, str]
    files: dict[str, Stat]


class _Origin(msgspec.Struct):
    """Where a distribution came from: PEP 610's `direct_url.json`, as far as it matters."""

    dir_info: dict[str, bool] = {}


def read(location: Path) -> Manifest | None:
    """Return the manifest of an environment; None when it was never finished."""
    try:
        return msgspec.json.decode((location / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError):
        return None


def write(location: Path, manifest: Manifest) -> None:
    """Write the manifest, the last step of a build."""
    write_atomically(location / MANIFEST, msgspec.json.encode(manifest))


def site_packages(location: Path) -> Path:
    """Return the folder in which an environment's distributions lie."""
    if os.name == "nt":
        return location / "Lib" / "site-packages"
    return next((location / "lib").glob("python3*")) / "site-packages"


def distributions(location: Path) -> dict[str, str]:
    """Return version by normalised name of what is installed."""
    return dict(_name_and_version(folder.name) for folder in site_packages(location).glob("*.dist-info"))


def _name_and_version(folder: str) -> tuple[str, str]:
    name, _, version = folder.removesuffix(".dist-info").rpartition("-")
    return canonical_name(name), version


def in_place(location: Path) -> dict[str, str]:
    """Return version by normalised name of what is installed as its files lie elsewhere (PEP 610)."""
    found = []
    for file in site_packages(location).glob("*.dist-info/direct_url.json"):
        said = msgspec.json.decode(file.read_bytes(), type=_Origin)
        if said.dir_info.get("editable"):
            found.append(file.parent.name)
    return dict(map(_name_and_version, found))


def scan(location: Path) -> dict[str, Stat]:
    """Return size and time of every file. New byte code is left out: Python writes it as it goes."""
    found: dict[str, Stat] = {}
    folders = [(str(location), "")]
    while folders:
        folder, prefix = folders.pop()
        # Through an open folder each file is found by its name, and not by its whole path again.
        opened = os.open(folder, os.O_RDONLY) if BY_DESCRIPTOR else -1
        try:
            with os.scandir(opened if BY_DESCRIPTOR else folder) as entries:
                for entry in entries:
                    name = entry.name
                    if entry.is_dir(follow_symlinks=False):
                        folders.append((f"{folder}{os.sep}{name}", f"{prefix}{name}/"))
                    elif name not in (MANIFEST, ".lock"):
                        status = entry.stat(follow_symlinks=False)
                        found[prefix + name] = (status.st_size, status.st_mtime_ns)
        finally:
            if BY_DESCRIPTOR:
                os.close(opened)
    return found


def altered(location: Path, manifest: Manifest) -> list[str]:
    """Return what has changed among the files since the manifest, one line each."""
    now = scan(location)
    changed = [path for path, status in manifest.files.items() if path in now and now[path] != status]
    missing = [path for path in manifest.files if path not in now]
    extra = [path for path in now if path not in manifest.files and "__pycache__/" not in path]
    if changed:
        hashes = recorded(location)
        changed = [path for path in changed if not _as_recorded(location, path, hashes)]
    found = []
    for what, paths in (("altered", changed), ("missing", missing), ("extra", extra)):
        if paths:
            more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
            found.append(f"{what}: {', '.join(sorted(paths)[:SHOWN])}{more}")
    return found


def recorded(location: Path) -> dict[str, str]:
    """Return the SHA-256 (as RECORD writes it) of each file, by path relative to the environment."""
    site = site_packages(location)
    result = {}
    for record in site.glob("*.dist-info/RECORD"):
        with record.open(newline="", encoding="utf-8") as file:
            for path, digest, *_ in csv.reader(file):
                if digest.startswith("sha256="):
                    result[os.path.relpath(os.path.normpath(site / path), location)] = digest.removeprefix("sha256=")
    return result


def _as_recorded(location: Path, path: str, hashes: dict[str, str]) -> bool:
    """Return whether a file's content is what RECORD says."""
    return hashes.get(path) == record_hash(location / path)


def record_hash(path: Path) -> str:
    """Return the SHA-256 of a file as RECORD writes it; empty when it cannot be read."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return ""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def poisoned(location: Path) -> list[str]:
    """Return each recorded file whose content is not what RECORD says, right after a build.

    An installer's cache can be written to by anyone who shares its hard links.
    """
    return [
        f"altered: {path} differs from its RECORD right after the installation"
        for path, digest in recorded(location).items()
        if digest != record_hash(location / path)
    ]


RECORD = "greenlane-*.dist-info/RECORD"
"""Names every file of the harness, which each lane gets beside its lock."""

MODULES = (".py", ".so", ".pyd")


def import_names(location: Path) -> tuple[str, ...]:
    """Return the top-level import names of an environment's packages and modules, sorted; ours are not the lock's.

    Args:
        location: folder of the environment.
    """
    names = set()
    site = site_packages(location)
    ours = {line.partition("/")[0] for record in site.glob(RECORD) for line in record.read_text("utf-8").splitlines()}
    for path in site.iterdir():
        name = path.name.partition(".")[0]
        if (
            name.isidentifier()
            and path.name not in ours
            and name != "__pycache__"
            and (path.suffix in MODULES or path.name == name)
        ):
            names.add(name)
    return tuple(sorted(names))
