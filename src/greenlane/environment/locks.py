"""Compiles the locks: hashed requirements files without addresses, one for each lane and one for control."""

from __future__ import annotations

import re
import shutil
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from importlib.metadata import requires
from pathlib import Path

from greenlane.config.context import Context
from greenlane.config.lanes import Lane
from greenlane.config.load import Settings
from greenlane.environment.installers import find_uv, run
from greenlane.errors import ConfigError
from greenlane.util.checkout import HARNESS, harness_source

CONTROL_LOCK = Path(__file__).with_name("control.txt")
"""The lock of the control environment; it is part of the harness, so that every project has it."""

DEFAULT_PYTHON = "3.11"
COMPILE_STEP = "change the requirement that uv names, in pyproject.toml, and see that the package index can be reached"
NEVER = "python_version < '0'"
"""A marker that no interpreter meets: what has it as an override is left out of a lock."""

OPTIONS = (
    "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--universal", "--no-header", "--quiet",
    "--no-emit-package", HARNESS,
)  # fmt: skip


def harness_requirements(extra: str = "") -> list[str]:
    """Return what the running harness needs in every lane, or with an extra."""
    source = harness_source()
    if source is not None:
        project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return [*project["dependencies"], *(project["optional-dependencies"][extra] if extra else ())]
    marker = f"extra == {extra!r}"
    declared = [entry.replace('"', "'") for entry in requires(HARNESS) or ()]
    return [entry.split(";")[0] for entry in declared if "extra ==" not in entry or (extra and marker in entry)]


def lowest_python(project: Path) -> str:
    """Return the lowest Python version that a lane of a project can run on, as `3.11`.

    A project may support older ones; the harness, which is in every lane, does not.
    """
    try:
        content = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    except OSError:
        return DEFAULT_PYTHON
    match = re.search(r">=\s*(3\.\d+)", content.get("project", {}).get("requires-python", ""))
    versions = [match.group(1), DEFAULT_PYTHON] if match else [DEFAULT_PYTHON]
    return max(versions, key=lambda version: tuple(map(int, version.split("."))))


def inputs(settings: Settings, lane: Lane) -> list[str]:
    """Return the arguments of `uv pip compile` that name what a lane's lock is made from."""
    content = tomllib.loads((settings.root / "pyproject.toml").read_text(encoding="utf-8"))
    groups = lane.groups or ((lane.name,) if lane.name in content.get("dependency-groups", {}) else ())
    arguments = ["pyproject.toml"] if "project" in content else []
    arguments += [word for extra in lane.extras for word in ("--extra", extra)]
    return arguments + [word for group in groups for word in ("--group", group)]


def compile_locks(context: Context, *, check: bool, upgrade: bool) -> list[str]:
    """Compile every lock and return the names of those that changed, or with `check` would change.

    What is locked already stays, unless the inputs no longer allow it or `upgrade` asks for the newest.

    Args:
        context: of the project.
        check: leave the files as they are.
        upgrade: take the newest versions.

    Raises:
        ConfigError: uv is not there, or the requirements cannot be resolved.
    """
    settings, environ = context.settings, context.environ
    changed = []
    for lane in settings.configuration.lanes.values():
        if lane.variant_of:
            continue  # it shares the lock of the lane that it was made from
        version = lane.python or lowest_python(settings.root)
        arguments = inputs(settings, lane)
        target = settings.root / lane.lock
        if _compile(target, arguments, harness_requirements(), version, settings.root, environ, check, upgrade):
            changed.append(lane.lock)
    source = harness_source()
    if source == settings.root:
        # Whether a team's history lies in PostgreSQL is known only when the environment is there.
        wanted = list(dict.fromkeys((*harness_requirements("control"), *harness_requirements("postgres"))))
        if _compile(CONTROL_LOCK, [], wanted, DEFAULT_PYTHON, source, environ, check, upgrade):
            changed.append(str(CONTROL_LOCK.relative_to(source)))
    for name, extra in settings.configuration.locks.items():
        arguments = ["pyproject.toml", "--all-extras"] if extra.project else []
        arguments += [word for group in extra.groups for word in ("--group", group)]
        target = settings.root / "locks" / f"{name}.txt"
        version = lowest_python(settings.root)
        if _compile(target, arguments, [], version, settings.root, environ, check, upgrade, extra.without):
            changed.append(str(target.relative_to(settings.root)))
    for name in changed:
        context.say(f"{'stale' if check else 'written'}: {name}")
    return changed


def _compile(
    target: Path, arguments: Sequence[str], requirements: Sequence[str], version: str, project: Path,
    environ: Mapping[str, str], check: bool, upgrade: bool, without: Sequence[str] = (),
) -> bool:  # fmt: skip
    """Compile one lock aside, compare, and move it into place; return whether it differs."""
    uv = find_uv(environ)
    if uv is None:
        raise ConfigError("locks are compiled with uv, which is not there", "pip install uv")
    with tempfile.TemporaryDirectory(prefix="greenlane-lock-") as folder:
        part = Path(folder) / target.name
        if target.exists() and not upgrade:
            shutil.copyfile(target, part)
        # The name of the input shows in the lock's comments, so that a reader knows where a pin comes from.
        base = Path(folder) / "greenlane.in"
        base.write_text("\n".join(requirements) + "\n", encoding="utf-8")
        words = [uv, "pip", "compile", *arguments, *([str(base)] if requirements else []), *OPTIONS]
        if without:
            absent = Path(folder) / "absent.txt"
            absent.write_text("".join(f"{name} ; {NEVER}\n" for name in without), encoding="utf-8")
            words += ["--override", str(absent)]
        words += ["--directory", str(project), "--python-version", version, "-o", str(part)]
        words += ["--upgrade"] if upgrade else []
        run(words, environ, f"compiling {target.name}", ConfigError, COMPILE_STEP)
        text = part.read_text(encoding="utf-8").replace(str(base), "greenlane")
        text = re.sub(r"-r \S*greenlane(\.in)?$", "greenlane", text, flags=re.MULTILINE)
    if target.exists() and target.read_text(encoding="utf-8") == text:
        return False
    if not check:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return True
