"""What a project's tests need beside the project, wherever it says so; the choice is told with its source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from greenlane.adopt.tox import Installed, read_hatch, read_tox
from greenlane.config.project import Project
from greenlane.errors import ConfigError

NAMES = ("test", "tests", "testing", "dev", "develop", "development")
"""What groups and extras for tests are called, the most telling first."""

FILES = tuple(
    pattern.format(name)
    for name in ("tests", "test", "testing", "dev", "develop")
    for pattern in ("requirements/{}.in", "requirements/{}.txt", "requirements-{}.txt", "requirements_{}.txt",
                    "{}-requirements.txt", "{}_requirements.txt", "tests/requirements-{}.txt")
)  # fmt: skip
"""Where files of requirements for tests lie, the most telling first; what people write comes before what is pinned."""

LAST = ("tests/requirements.txt", "test/requirements.txt", "requirements.txt")


def choose(root: Path, project: Project, asked: Installed) -> Installed:
    """Return what the lanes install: what the caller names, or the first place that says what tests need.

    Args:
        root: the project; project: what it declares.
        asked: what the caller names; empty for nothing.

    Raises:
        ConfigError: the caller names what is not there.
    """
    if asked.anything:
        _check(root, project, asked)
        return asked
    found = next(_candidates(root, project), Installed(source=""))
    named = {*found.groups, *found.extras}
    # A tool that installs the group of the tests, and more, says all that they need; the group alone does not.
    every = ((tool, {*tool.groups, *tool.extras, *tool.requirements}) for tool in _tools(root, project))
    whole = (tool for tool, names in every if named and named < names)
    return next(whole, found)


def _check(root: Path, project: Project, asked: Installed) -> None:
    """Refuse names that the project does not have.

    Raises:
        ConfigError: it has no such group, extra or file.
    """
    groups = (*project.standard_groups, *project.groups)
    for what, names, known in (("group", asked.groups, groups), ("extra", asked.extras, project.extras)):
        unknown = [name for name in names if name not in known]
        if unknown and (what == "group" or project.all_extras):
            listed = ", ".join(known) or "none"
            raise ConfigError(f"--{what}: the project has no {what} {unknown[0]!r}; known: {listed}")
    for entry in asked.requirements:
        if entry.endswith((".txt", ".in")) and not (root / entry).is_file():
            raise ConfigError(f"--requirements: {entry} does not exist in {root}")


def _candidates(root: Path, project: Project) -> Iterator[Installed]:
    """Yield each place that says what tests need, the most telling first."""
    for name in NAMES:
        if name in project.standard_groups:
            yield Installed(source="pyproject.toml [dependency-groups]", groups=(name,))
        if name in project.groups:
            yield Installed(source=f"the group {name} of pyproject.toml [tool]", groups=(name,))
        if name in project.extras:
            yield Installed(source="an extra of the project", extras=(name,))
    yield from _tools(root, project)
    for name in (*FILES, *LAST):
        if (root / name).is_file():
            yield Installed(source=name, requirements=(name,))


def _tools(root: Path, project: Project) -> Iterator[Installed]:
    """Yield what other tools install for tests."""
    for found in (read_tox(root), read_hatch(root)):
        if found is not None:
            yield _there(root, project, found)


def _there(root: Path, project: Project, found: Installed) -> Installed:
    """Return what another tool installs, as far as it is there; a file that is pinned becomes the one it is made of."""
    groups = (*project.standard_groups, *project.groups)
    return Installed(
        source=found.source,
        extras=found.extras,
        groups=tuple(name for name in found.groups if name in groups),
        requirements=tuple(_written(root, found.requirements)),
    )


def _written(root: Path, requirements: Sequence[str]) -> Iterator[str]:
    """Yield requirements; of a file that is pinned, the one that it was made of: pinning is what a lock does."""
    for entry in requirements:
        source = entry.removesuffix(".txt") + ".in"
        if entry.endswith(".txt") and (root / source).is_file():
            yield source
        elif not entry.endswith((".txt", ".in")) or (root / entry).is_file():
            yield entry


def said(choice: Installed) -> str:
    """Return a choice in a few words."""
    parts = [f"group {name}" for name in choice.groups] + [f"extra {name}" for name in choice.extras]
    parts += choice.requirements[:4]
    more = len(choice.requirements) - 4
    return ", ".join(parts) + (f" and {more} more" if more > 0 else "")
