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

from greenlane.config.context import Context
from greenlane.environment.lock_file import mismatched, unreachable, untrusted
from greenlane.environment.variables import install_environment
from greenlane.errors import ConfigError, EnvironmentBuildError, GreenlaneError, UnreachableIndexError

UV_VARIABLE = "GREENLANE_UV"
"""Environment name of the path of another uv than the one that would be found."""

TAIL = 25
"""Lines of a failed command that are shown."""


class Installer(Protocol):
    """Builds an environment. Every method raises `EnvironmentBuildError` when its command fails."""

    name: str
    environ: Mapping[str, str]
    """The caller's environment."""

    def create(self, location: Path, python: str) -> None:
        """Make an empty environment; `python` is a version such as `3.12` or empty for this interpreter."""

    def install_lock(self, python: Path, lock: Path) -> None:
        """Install exactly what a hashed requirements file names, hashes required."""

    def install_wheels(self, python: Path, wheels: Sequence[Path]) -> None:
        """Install wheels without their dependencies, in place of what is there."""

    def install_editable(self, python: Path, project: Path) -> None:
        """Install a project as its files lie, without its dependencies; raises `ConfigError`, as `build_wheel`."""

    def check(self, python: Path) -> None:
        """Prove that nothing in an environment lacks, or contradicts, what it asks for."""

    def build_wheel(self, project: Path, into: Path) -> None:
        """Build a project's wheel into a folder; raises `ConfigError`, because only the project can put that right."""


def python_of(location: Path) -> Path:
    """Return the interpreter of an environment."""
    return location / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


LOCK_STEP = "check the lock (`nox -s lock -- --check`) and that the package index can be reached"
WHEEL_STEP = "see the lines above: [build-system] of its pyproject.toml is at fault, or a source that does not build"
INDEX_STEP = "see that the package index can be reached, or name one (UV_DEFAULT_INDEX, PIP_INDEX_URL, UV_FIND_LINKS)"
CHECK_STEP = "make the lock anew with `nox -s lock`; where the project's own version is wrong, set it in build_env"
SYSTEM_CERTS = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}
"""How uv is told to trust the certificates of the system beside its own, by its newer and its older name."""


def run(
    command: Sequence[str], environ: Mapping[str, str], doing: str,
    failure: type[GreenlaneError] = EnvironmentBuildError, next_step: str = LOCK_STEP, build: Sequence[str] = (),
) -> None:  # fmt: skip
    """Run an installation command in its own allow-listed environment.

    An index whose certificate only the system's store knows is asked again with that store.

    Args:
        command: argument vector.
        doing: what it does, for the message.
        failure: what is raised when it fails; next_step: what the user can do then.
        build: variables that builds get beside the usual, `NAME` or `NAME=value`.

    Raises:
        UnreachableIndexError: the package index did not answer.
        GreenlaneError: it failed; the detail is what it printed last.
    """
    outer = install_environment(environ, build)
    try:
        done = _call(command, outer)
        if done.returncode and untrusted(done.stdout):
            done = _call(command, {**SYSTEM_CERTS, **outer})
    except OSError as error:
        raise failure(f"{doing}: {error}", next_step) from error
    if done.returncode:
        tail = "\n".join(done.stdout.strip().splitlines()[-TAIL:])
        if unreachable(done.stdout) and not mismatched(done.stdout):
            raise UnreachableIndexError(f"{doing} failed: the package index did not answer", INDEX_STEP, tail)
        raise failure(f"{doing} failed with exit status {done.returncode}", next_step, tail)


def _call(command: Sequence[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command and keep what it prints, both streams in their order."""
    return subprocess.run(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        check=False,
    )  # fmt: skip


class Uv:
    """Installs with uv.

    Args:
        build: variables that builds get beside it.
    """

    name = "uv"

    def __init__(self, binary: str, environ: Mapping[str, str], build: Sequence[str] = ()) -> None:
        self._binary = binary
        self.environ = environ
        self._build = build

    def create(self, location: Path, python: str) -> None:
        command = [self._binary, "venv", "--quiet", "--no-project", "--python", python or sys.executable]
        run([*command, str(location)], self.environ, f"making the environment {location.name}")

    def install_lock(self, python: Path, lock: Path) -> None:
        """See `Installer`. Files are copied: a hard link would let one lane write into another's environment.

        A caller who sets UV_LINK_MODE chooses otherwise.
        """
        self._pip(python, ["--require-hashes", "--no-deps", "-r", str(lock)], f"installing {lock.name}")

    def install_wheels(self, python: Path, wheels: Sequence[Path]) -> None:
        options = ["--no-deps", "--no-index", "--reinstall", "--no-cache"]
        self._pip(python, [*options, *map(str, wheels)], "installing the project's wheel")

    def install_editable(self, python: Path, project: Path) -> None:
        # Not quiet, as a build of a wheel is not.
        command = [self._binary, "pip", "install", "--python", str(python), "--no-deps", "--reinstall", "--editable"]
        doing = f"installing {project.name} as its files lie"
        run([*command, str(project)], self.environ, doing, ConfigError, WHEEL_STEP, self._build)

    def _pip(self, python: Path, arguments: Sequence[str], doing: str) -> None:
        link_mode = self.environ.get("UV_LINK_MODE", "copy")
        base = [self._binary, "pip", "install", "--quiet", "--python", str(python), "--link-mode", link_mode]
        # Byte code is part of the environment from the start: without it every first import would be slow.
        run([*base, *arguments], {"UV_COMPILE_BYTECODE": "1", **self.environ}, doing)

    def check(self, python: Path) -> None:
        command = [self._binary, "pip", "check", "--quiet", "--python", str(python)]
        run(command, self.environ, "looking for what the environment lacks", next_step=CHECK_STEP)

    def build_wheel(self, project: Path, into: Path) -> None:
        # Not quiet: what the build backend says is the reason when it fails.
        command = [self._binary, "build", "--wheel", "--no-create-gitignore", "--out-dir", str(into), str(project)]
        doing = f"building the wheel of {project.name}"
        run(command, self.environ, doing, ConfigError, WHEEL_STEP, self._build)


class Virtualenv:
    """Installs with virtualenv and the pip that it carries.

    Args:
        tools: folder for one helper environment that holds pip, so that lanes need not.
        build: variables that builds get beside it.
    """

    name = "virtualenv"

    def __init__(self, tools: Path, environ: Mapping[str, str], build: Sequence[str] = ()) -> None:
        self._tools = tools
        self.environ = environ
        self._build = build

    def create(self, location: Path, python: str) -> None:
        command = [sys.executable, "-m", "virtualenv", "--quiet", "--no-seed", "--no-download"]
        run(
            [*command, "--python", python or sys.executable, str(location)],
            self.environ,
            f"making the environment {location.name}",
        )

    def _pip(self) -> list[str]:
        """Return the command of a pip outside the lanes, made on first use."""
        python = python_of(self._tools)
        if not python.exists():
            command = [sys.executable, "-m", "virtualenv", "--quiet", "--no-download", str(self._tools)]
            run(command, self.environ, "making the environment that holds pip")
        return [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]

    def install_lock(self, python: Path, lock: Path) -> None:
        command = [*self._pip(), "--python", str(python), "install", "--require-hashes", "--no-deps", "-r", str(lock)]
        run(command, self.environ, f"installing {lock.name}")

    def install_wheels(self, python: Path, wheels: Sequence[Path]) -> None:
        command = [*self._pip(), "--python", str(python), "install", "--no-deps", "--no-index", "--force-reinstall"]
        run([*command, *map(str, wheels)], self.environ, "installing the project's wheel")

    def install_editable(self, python: Path, project: Path) -> None:
        command = [*self._pip(), "--python", str(python), "install", "--no-deps", "--force-reinstall", "--editable"]
        doing = f"installing {project.name} as its files lie"
        run([*command, str(project)], self.environ, doing, ConfigError, WHEEL_STEP, self._build)

    def check(self, python: Path) -> None:
        command = [*self._pip(), "--python", str(python), "check"]
        run(command, self.environ, "looking for what the environment lacks", next_step=CHECK_STEP)

    def build_wheel(self, project: Path, into: Path) -> None:
        command = [*self._pip(), "wheel", "--no-deps", "--wheel-dir", str(into), str(project)]
        doing = f"building the wheel of {project.name}"
        run(command, self.environ, doing, ConfigError, WHEEL_STEP, self._build)


def find_uv(environ: Mapping[str, str]) -> str | None:
    """Return the path of uv: the one that GREENLANE_UV names, the one beside this interpreter, or that on the PATH."""
    if environ.get(UV_VARIABLE):
        return environ[UV_VARIABLE]
    beside = Path(sys.executable).with_name("uv.exe" if os.name == "nt" else "uv")
    return str(beside) if beside.exists() else shutil.which("uv", path=environ.get("PATH"))


def find_installer(tools: Path, environ: Mapping[str, str], build: Sequence[str] = ()) -> Installer:
    """Return uv when it is present, virtualenv otherwise.

    Args:
        tools: folder for helper environments.
        build: variables that the build of the project's wheel gets beside the usual, `NAME` or `NAME=value`.

    Raises:
        ConfigError: neither is there.
    """
    uv = find_uv(environ)
    if uv:
        return Uv(uv, environ, build)
    if importlib.util.find_spec("virtualenv"):
        return Virtualenv(tools / "pip", environ, build)
    raise ConfigError("neither uv nor virtualenv is there to build environments with", "pip install uv")


def installer_of(context: Context) -> Installer:
    """Return who builds the environments of a project.

    Raises:
        ConfigError: neither uv nor virtualenv is there.
    """
    configuration = context.settings.configuration
    tools = context.settings.root / configuration.environments
    return find_installer(tools, context.environ, configuration.build_env)
