"""Who builds environments: uv when present, virtualenv otherwise. One table, one Protocol."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from greenlane.environment.variables import install_environment
from greenlane.errors import ConfigError, EnvironmentBuildError, GreenlaneError

UV_VARIABLE = "GREENLANE_UV"
"""Environment name of the path of another uv than the one that would be found."""

TAIL = 25
"""Lines of a failed command that are shown."""


class Installer(Protocol):
    """Builds an environment. Every method raises `EnvironmentBuildError` when its command fails."""

    name: str

    def create(self, location: Path, python: str) -> None:
        """Make an empty environment; `python` is a version such as `3.12` or empty for this interpreter."""

    def install_lock(self, python: Path, lock: Path, *, resolve: bool = True) -> None:
        """Install a hashed requirements file, hashes required; with `resolve`, only one that lacks nothing."""

    def install_wheels(self, python: Path, wheels: Sequence[Path]) -> None:
        """Install wheels without their dependencies, in place of what is there."""

    def build_wheel(self, project: Path, into: Path) -> None:
        """Build a project's wheel into a folder; raises `ConfigError`, because only the project can put that right."""


def python_of(location: Path) -> Path:
    """Return the interpreter of an environment."""
    return location / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


LOCK_STEP = "check the lock (`nox -s lock -- --check`) and that the package index can be reached"
WHEEL_STEP = "see the lines above: [build-system] of its pyproject.toml is at fault, or a source that does not build"


def run(
    command: Sequence[str], environ: Mapping[str, str], doing: str,
    failure: type[GreenlaneError] = EnvironmentBuildError, next_step: str = LOCK_STEP,
) -> None:  # fmt: skip
    """Run an installation command in its own allow-listed environment.

    Args:
        command: argument vector; environ: the caller's environment.
        doing: what it does, for the message.
        failure: what is raised when it fails; next_step: what the user can do then.

    Raises:
        GreenlaneError: it failed; the detail is what it printed last.
    """
    try:
        done = subprocess.run(
            command, env=install_environment(environ), capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        raise failure(f"{doing}: {error}", next_step) from error
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-TAIL:])
        raise failure(f"{doing} failed with exit status {done.returncode}", next_step, tail)


class Uv:
    """Installs with uv.

    Args:
        binary: path of uv.
        environ: the caller's environment.
    """

    name = "uv"

    def __init__(self, binary: str, environ: Mapping[str, str]) -> None:
        self._binary = binary
        self._environ = environ

    def create(self, location: Path, python: str) -> None:
        """See `Installer`."""
        command = [self._binary, "venv", "--quiet", "--no-project", "--python", python or sys.executable]
        run([*command, str(location)], self._environ, f"making the environment {location.name}")

    def install_lock(self, python: Path, lock: Path, *, resolve: bool = True) -> None:
        """See `Installer`. Files are copied: a hard link would let one lane write into another's environment.

        A caller who sets UV_LINK_MODE chooses otherwise.
        """
        options = [] if resolve else ["--no-deps"]
        self._pip(python, ["--require-hashes", *options, "-r", str(lock)], f"installing {lock.name}")

    def install_wheels(self, python: Path, wheels: Sequence[Path]) -> None:
        """See `Installer`."""
        options = ["--no-deps", "--no-index", "--reinstall", "--no-cache"]
        self._pip(python, [*options, *map(str, wheels)], "installing the project's wheel")

    def _pip(self, python: Path, arguments: Sequence[str], doing: str) -> None:
        link_mode = self._environ.get("UV_LINK_MODE", "copy")
        base = [self._binary, "pip", "install", "--quiet", "--python", str(python), "--link-mode", link_mode]
        # Byte code is part of the environment from the start: without it every first import would be slow.
        run([*base, *arguments], {"UV_COMPILE_BYTECODE": "1", **self._environ}, doing)

    def build_wheel(self, project: Path, into: Path) -> None:
        """See `Installer`."""
        command = [self._binary, "build", "--quiet", "--wheel", "--no-create-gitignore", "--out-dir", str(into)]
        run([*command, str(project)], self._environ, f"building the wheel of {project.name}", ConfigError, WHEEL_STEP)


class Virtualenv:
    """Installs with virtualenv and the pip that it carries.

    Args:
        tools: folder for one helper environment that holds pip, so that lanes need not.
        environ: the caller's environment.
    """

    name = "virtualenv"

    def __init__(self, tools: Path, environ: Mapping[str, str]) -> None:
        self._tools = tools
        self._environ = environ

    def create(self, location: Path, python: str) -> None:
        """See `Installer`."""
        command = [sys.executable, "-m", "virtualenv", "--quiet", "--no-seed", "--no-download"]
        run(
            [*command, "--python", python or sys.executable, str(location)],
            self._environ,
            f"making the environment {location.name}",
        )

    def _pip(self) -> list[str]:
        """Return the command of a pip outside the lanes, made on first use."""
        python = python_of(self._tools)
        if not python.exists():
            command = [sys.executable, "-m", "virtualenv", "--quiet", "--no-download", str(self._tools)]
            run(command, self._environ, "making the environment that holds pip")
        return [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]

    def install_lock(self, python: Path, lock: Path, *, resolve: bool = True) -> None:
        """See `Installer`."""
        options = [] if resolve else ["--no-deps"]
        command = [*self._pip(), "--python", str(python), "install", "--require-hashes", *options, "-r", str(lock)]
        run(command, self._environ, f"installing {lock.name}")

    def install_wheels(self, python: Path, wheels: Sequence[Path]) -> None:
        """See `Installer`."""
        command = [*self._pip(), "--python", str(python), "install", "--no-deps", "--no-index", "--force-reinstall"]
        run([*command, *map(str, wheels)], self._environ, "installing the project's wheel")

    def build_wheel(self, project: Path, into: Path) -> None:
        """See `Installer`."""
        command = [*self._pip(), "wheel", "--no-deps", "--wheel-dir", str(into), str(project)]
        run(command, self._environ, f"building the wheel of {project.name}", ConfigError, WHEEL_STEP)


def find_uv(environ: Mapping[str, str]) -> str | None:
    """Return the path of uv: the one that GREENLANE_UV names, the one beside this interpreter, or that on the PATH."""
    if environ.get(UV_VARIABLE):
        return environ[UV_VARIABLE]
    beside = Path(sys.executable).with_name("uv.exe" if os.name == "nt" else "uv")
    return str(beside) if beside.exists() else shutil.which("uv", path=environ.get("PATH"))


def find_installer(tools: Path, environ: Mapping[str, str]) -> Installer:
    """Return uv when it is present, virtualenv otherwise.

    Args:
        tools: folder for helper environments.
        environ: the caller's environment.

    Raises:
        ConfigError: neither is there.
    """
    uv = find_uv(environ)
    if uv:
        return Uv(uv, environ)
    if importlib.util.find_spec("virtualenv"):
        return Virtualenv(tools / "pip", environ)
    raise ConfigError("neither uv nor virtualenv is there to build environments with", "pip install uv")
