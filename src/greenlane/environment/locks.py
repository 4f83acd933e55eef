"""Compiles the locks: hashed requirements files without addresses, one for each lane and one for control."""

from __future__ import annotations

import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

import msgspec

from greenlane.config.context import Context
from greenlane.config.lanes import Lane
from greenlane.config.load import Settings
from greenlane.config.project import Project, read_project
from greenlane.environment import npm
from greenlane.environment.installers import find_uv, run
from greenlane.errors import ConfigError, UnreachableIndexError
from greenlane.util.checkout import HARNESS, harness_source

CONTROL = "control"
"""The lock of a project that adds its extensions to the control environment."""

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
    from importlib.metadata import requires

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


class LockInput(msgspec.Struct, frozen=True, kw_only=True):
    """What one lock is made from.

    Attributes:
        words: arguments of `uv pip compile` that name files, extras and groups of the project.
        own: requirements beside these, as lines: the project itself, and groups that only we can read.
        harness: what the harness needs.
        without: distributions that are left out though others ask for them.
        python: the lowest version of Python that it is for, as `3.11`.
    """

    words: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    harness: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    python: str = DEFAULT_PYTHON


def lane_input(settings: Settings, lane: Lane) -> LockInput:
    """Return what the lock of a lane is made from: the project's own requirements come from its metadata.

    Raises:
        ConfigError: a file of requirements is not there.
    """
    root = settings.root
    project = read_project(root)
    known = (*project.standard_groups, *project.groups)
    groups = lane.groups or ((lane.name,) if lane.name in known else ())
    words = ["pyproject.toml"] if project.standard else []
    words += [word for extra in lane.extras if project.standard for word in ("--extra", extra)]
    words += [word for group in groups if group in project.standard_groups for word in ("--group", group)]
    own = [line for group in groups for line in project.groups.get(group, ())]
    for entry in lane.requirements:
        (words if _is_file(root, lane, entry) else own).append(entry)
    if project.package and harness_source() != root:
        own.insert(0, own_requirement(project, root, lane.extras))
    return LockInput(
        words=tuple(words),
        own=tuple(own),
        harness=tuple(harness_requirements()),
        python=lane.python or lowest_python(root),
    )


def _is_file(root: Path, lane: Lane, entry: str) -> bool:
    """Return whether an entry of `requirements` names a file.

    Raises:
        ConfigError: it looks like one, and is not there.
    """
    if (root / entry).is_file():
        return True
    if entry.endswith((".txt", ".in", ".pip")):
        raise ConfigError(f"lanes.{lane.name}.requirements: {entry} does not exist in {root}")
    return False


def own_requirement(project: Project, root: Path, extras: Iterable[str]) -> str:
    """Return the requirement that means the project itself, so that nobody takes another release of it.

    Whoever depends on it, a test tool or an extra that names others, then gets this one; and its requirements are those
    of the metadata that its backend builds.
    """
    named = f"{project.name} @ " if project.standard else ""
    wanted = ",".join(extras) if not project.standard else ""
    return f"{named}{root.as_uri()}{f'[{wanted}]' if wanted else ''}"


def compile_locks(context: Context, *, check: bool, upgrade: bool) -> list[str]:
    """Compile every lock and return the names of those that changed, or with `check` would change.

    What is locked already stays, unless the inputs no longer allow it or `upgrade` asks for the newest.

    Args:
        check: leave the files as they are.
        upgrade: take the newest versions.

    Raises:
        ConfigError: uv is not there, or the requirements cannot be resolved.
    """
    settings = context.settings
    compiler = Compiler(settings, context.environ, check=check, upgrade=upgrade)
    changed = []
    for lane in _by_lock(settings.configuration.lanes.values()):
        if compiler.compile(settings.root / lane.lock, lane_input(settings, lane)):
            changed.append(lane.lock)
    source = harness_source()
    if source == settings.root and compiler.compile(CONTROL_LOCK, LockInput(harness=control_requirements())):
        changed.append(str(CONTROL_LOCK.relative_to(source)))
    for name, lock in settings.configuration.locks.items():
        target = settings.root / "locks" / f"{name}.txt"
        if compiler.compile(target, other_input(settings, name)):
            changed.append(str(target.relative_to(settings.root)))
        folder = target.with_suffix("")
        if lock.npm and npm.compile_lock(folder, context.environ, check=check, upgrade=upgrade):
            changed.append(str((folder / npm.FILES[1]).relative_to(settings.root)))
    for name in changed:
        context.say(f"{'stale' if check else 'written'}: {name}")
    return changed


def control_requirements() -> tuple[str, ...]:
    """Return what the harness needs to decide; whether a team's history lies in PostgreSQL is known only there."""
    return tuple(dict.fromkeys((*harness_requirements("control"), *harness_requirements("postgres"))))


def other_input(settings: Settings, name: str) -> LockInput:
    """Return what a lock is made from that is no lane's; that of the control environment holds the harness, too."""
    extra = settings.configuration.locks[name]
    words = ["pyproject.toml", "--all-extras"] if extra.project else []
    words += [word for group in extra.groups for word in ("--group", group)]
    harness = control_requirements() if name == CONTROL else ()
    python = lowest_python(settings.root)
    return LockInput(words=tuple(words), harness=harness, without=extra.without, python=python)


def _by_lock(lanes: Iterable[Lane]) -> list[Lane]:
    """Return one lane for each lock; lanes that share one get what all of them ask for."""
    found: dict[str, Lane] = {}
    for lane in lanes:
        if lane.variant_of:
            continue  # it shares the lock of the lane that it was made from
        other = found.setdefault(lane.lock, lane)
        if other is not lane:
            found[lane.lock] = msgspec.structs.replace(
                other,
                extras=tuple(dict.fromkeys((*other.extras, *lane.extras))),
                groups=tuple(dict.fromkeys((*other.groups, *lane.groups))),
                requirements=tuple(dict.fromkeys((*other.requirements, *lane.requirements))),
            )
    return list(found.values())


class Compiler:
    """Makes hashed requirements files without addresses.

    Args:
        check: whether files are only compared; upgrade: whether the newest versions are taken.

    Raises:
        ConfigError: uv is not there.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str], *, check: bool, upgrade: bool) -> None:
        uv = find_uv(environ)
        if uv is None:
            raise ConfigError("locks are compiled with uv, which is not there", "pip install uv")
        self._uv = uv
        self._settings = settings
        self._environ = environ
        self._check = check
        self._upgrade = upgrade

    def compile(self, target: Path, made_from: LockInput) -> bool:
        """Compile one lock aside, compare, and move it into place; return whether it differs.

        Raises:
            ConfigError: the requirements cannot be resolved.
        """
        with tempfile.TemporaryDirectory(prefix="greenlane-lock-") as folder:
            part = Path(folder) / target.name
            if target.exists() and not self._upgrade:
                shutil.copyfile(target, part)
            try:
                self._run(target, made_from, Path(folder), part)
            except UnreachableIndexError:
                raise
            except ConfigError as error:
                raise self._explained(error, target, made_from) from error
            text = cleaned(part.read_text(encoding="utf-8"), folder, self._settings.root)
        if target.exists() and target.read_text(encoding="utf-8") == text:
            return False
        if not self._check:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        return True

    def _run(self, target: Path, made_from: LockInput, folder: Path, part: Path) -> None:
        """Call uv."""
        words = [self._uv, "pip", "compile", *made_from.words]
        # The name of the input shows in the lock's comments, so that a reader knows where a pin comes from.
        for name, lines in (("project.in", made_from.own), ("greenlane.in", made_from.harness)):
            if lines:
                (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
                words.append(str(folder / name))
        if made_from.without:
            absent = folder / "absent.txt"
            absent.write_text("".join(f"{name} ; {NEVER}\n" for name in made_from.without), encoding="utf-8")
            words += ["--override", str(absent)]
        words += [*OPTIONS, "--directory", str(self._settings.root), "--python-version", made_from.python]
        words += ["-o", str(part), *(["--upgrade"] if self._upgrade else [])]
        build = self._settings.configuration.build_env
        run(words, self._environ, f"compiling {target.name}", ConfigError, COMPILE_STEP, build)

    def _explained(self, error: ConfigError, target: Path, made_from: LockInput) -> ConfigError:
        """Return an error that says whose need it is that cannot be met: the project's, or the harness's."""
        if not made_from.harness or not (made_from.words or made_from.own):
            return error
        with tempfile.TemporaryDirectory(prefix="greenlane-lock-") as folder:
            alone = msgspec.structs.replace(made_from, harness=())
            try:
                self._run(target, alone, Path(folder), Path(folder) / target.name)
            except ConfigError:
                return error
        needs = ", ".join(made_from.harness)
        message = f"compiling {target.name} failed: the project's requirements exclude what greenlane needs: {needs}"
        return ConfigError(message, "allow these versions in what the lane asks for", error.detail)


def cleaned(text: str, folder: str, root: Path) -> str:
    """Return a lock as it is committed: without the project itself, and without paths of this machine.

    Args:
        text: what uv wrote; folder: of our own inputs; root: the project.
    """
    # As a path, or as an address, in which a space or a plus may be written otherwise.
    place = "".join(f"(?:{re.escape(letter)}|{quote(letter, safe='')})" for letter in str(root))
    text = re.sub(
        rf"^(?:-e )?(?:\S+ @ )?(?:file://)?{place}/?(?:\[[^\]]*\])?(?:\n +#.*)*\n", "", text, flags=re.MULTILINE
    )
    text = re.sub(r"^-e \.\S*(?:\n +#.*)*\n", "", text, flags=re.MULTILINE)
    text = re.sub(
        rf"-r {re.escape(folder)}/(\w+)\.in$|-r \S*/(greenlane|project)\.in$", r"\1\2", text, flags=re.MULTILINE
    )
    return (
        re.sub(r"\n# The following packages were excluded from the output:\n(?:# .*\n)+$", "\n", text).rstrip() + "\n"
    )
