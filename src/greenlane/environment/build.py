"""Builds a lane's environment, or proves that the one that is there is still right."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from greenlane.config.project import read_project
from greenlane.environment import drift, npm, wheels
from greenlane.environment.drift import Manifest
from greenlane.environment.installers import Installer, python_of
from greenlane.environment.lock_file import differences, refused
from greenlane.errors import ConfigError, EnvironmentBuildError
from greenlane.evidence.evidence import Environment


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment is built from.

    Attributes:
        location: folder of the environment; lock: path of the hashed requirements.
        python: version as `3.12`, empty for the interpreter that runs us.
        project: folder of the project whose wheel goes in; None for none.
        harness: whether the harness goes in, as every lane needs it. Without it the lock is installed as it is,
            though a distribution may ask for more: the lock may leave out on purpose.
        alone: whether nothing else of the distribution goes in that the harness comes in.
        tree: state of the work tree; while it stays, the wheels need not be built again. Empty: build always.
        packages: folder of a lock of npm's whose packages go in; None for none.
        editable: whether the project goes in as its files lie, and not as a wheel.
    """

    location: Path
    lock: Path
    python: str
    project: Path | None
    harness: bool = True
    alone: bool = False
    tree: str = ""
    packages: Path | None = None
    editable: bool = False


def lock_digest(lock: Path) -> str:
    """Return the SHA-256 of a lock.

    Raises:
        ConfigError: the lock is not there, or names a release known to be malicious.
    """
    try:
        content = lock.read_bytes()
    except OSError as error:
        raise ConfigError(f"lock {lock} cannot be read: {error.strerror}", "make it with `nox -s lock`") from error
    bad = refused(content.decode("utf-8", "replace"))
    if bad:
        raise ConfigError(f"lock {lock.name} names a compromised release: {', '.join(bad)}", "pin another version")
    return hashlib.sha256(content).hexdigest()


def prepare(recipe: Recipe, installer: Installer, say: Callable[[str], None]) -> Environment:
    """Return an environment that is exactly what lock and wheels say.

    A new lock, interpreter or wheel means a new environment or installation; that is no drift. Anything else that
    differs is: the environment is rebuilt once, and what had changed is returned as evidence.

    Args:
        recipe: what it is built from.

    Raises:
        ConfigError: the lock is missing or names a compromised release.
        EnvironmentBuildError: an installation failed.
    """
    digest = lock_digest(recipe.lock)
    if recipe.packages is not None:
        digest = hashlib.sha256(digest.encode() + npm.state(recipe.packages)).hexdigest()
    if b"--hash=" not in recipe.lock.read_bytes():
        raise ConfigError(f"lock {recipe.lock} has no hashed requirement", "make it with `nox -s lock`")
    manifest, found = _kept(recipe, digest, say)
    if manifest is None or not recipe.tree or manifest.tree != recipe.tree:
        fresh = manifest is None
        manifest = _renew(recipe, installer, digest, manifest, say)
        remaining = check(recipe, manifest) + (drift.poisoned(recipe.location) if fresh else [])
        found += [f"after the installation: {difference}" for difference in remaining]
    return Environment(
        location=str(recipe.location),
        python=str(python_of(recipe.location)),
        version=manifest.python,
        lock=digest,
        wheel=manifest.wheels,
        drift=tuple(found),
    )


def _kept(recipe: Recipe, digest: str, say: Callable[[str], None]) -> tuple[Manifest | None, list[str]]:
    """Return the manifest of an environment that can stay, else None; and how it has drifted from that."""
    manifest = drift.read(recipe.location)
    if manifest is None or (manifest.lock, manifest.python) != (digest, _python_version(recipe)):
        return None, []
    found = check(recipe, manifest)
    if not found:
        return manifest, []
    for difference in (*found, "the environment is rebuilt from its lock"):
        say(f"DRIFT: {difference}")
    return None, found


def check(recipe: Recipe, manifest: Manifest) -> list[str]:
    """Return how an environment differs from its lock, its wheels and its manifest."""
    lock = recipe.lock.read_text(encoding="utf-8")
    found = differences(drift.distributions(recipe.location), lock, manifest.wheel_versions)
    return found or drift.altered(recipe.location, manifest)


def drift_now(recipe: Recipe) -> list[str]:
    """Return how an environment that was prepared differs from its lock by now."""
    manifest = drift.read(recipe.location)
    return check(recipe, manifest) if manifest else ["the environment's manifest is gone"]


def _create(recipe: Recipe, installer: Installer) -> None:
    """Make the empty environment.

    Raises:
        ConfigError: the interpreter that the lane asks for is not there.
        EnvironmentBuildError: it failed for another reason.
    """
    try:
        installer.create(recipe.location, recipe.python)
    except EnvironmentBuildError as error:
        if not recipe.python:
            raise
        raise ConfigError(error.message, f"install Python {recipe.python}, or change `python` of the lane") from error


def _python_version(recipe: Recipe) -> str:
    """Return the version that the environment must have; exact when it is our own interpreter's."""
    return recipe.python or ".".join(map(str, sys.version_info[:3]))


def _staying(manifest: Manifest | None, built: Sequence[Path]) -> Manifest | None:
    """Return the manifest of an environment that can stay; None where a wheel must go: none is ever taken out."""
    kept = dict(map(wheels.name_and_version, built))
    return manifest if manifest and manifest.wheel_versions.keys() <= kept.keys() else None


def _renew(
    recipe: Recipe, installer: Installer, digest: str, manifest: Manifest | None, say: Callable[[str], None]
) -> Manifest:
    """Build what is missing: everything without a manifest, else the wheels where their content is new."""
    with tempfile.TemporaryDirectory(prefix="greenlane-wheels-") as folder:
        in_place = recipe.project if recipe.editable else None
        project = None if in_place else recipe.project
        built = wheels.build(project, installer, Path(folder), harness=recipe.harness, alone=recipe.alone)
        content = wheels.content_digest(built, in_place)
        manifest = manifest if in_place else _staying(manifest, built)
        if manifest is None:
            say(f"building environment {recipe.location.name} from {recipe.lock.name} with {installer.name}")
            shutil.rmtree(recipe.location, ignore_errors=True)
            recipe.location.parent.mkdir(parents=True, exist_ok=True)
            _create(recipe, installer)
            installer.install_lock(python_of(recipe.location), recipe.lock)
            if recipe.packages is not None:
                npm.install(recipe.location, recipe.packages, installer.environ)
        if manifest is not None and manifest.wheels == content and in_place is None:
            manifest = msgspec.structs.replace(manifest, tree=recipe.tree)
        else:
            (recipe.location / drift.MANIFEST).unlink(missing_ok=True)
            if built:
                installer.install_wheels(python_of(recipe.location), built)
            if in_place is not None and read_project(in_place).package:
                installer.install_editable(python_of(recipe.location), in_place)
            if recipe.harness:
                installer.check(python_of(recipe.location))
            manifest = Manifest(
                lock=digest,
                wheels=content,
                tree=recipe.tree,
                python=_python_version(recipe),
                installer=installer.name,
                wheel_versions=dict(map(wheels.name_and_version, built)) | drift.in_place(recipe.location),
                distributions=drift.distributions(recipe.location),
                files=drift.scan(recipe.location),
            )
    drift.write(recipe.location, manifest)
    return manifest
