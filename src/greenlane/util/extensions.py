"""What installed distributions add to the harness, found by their entry points: commands, examiners, guards, reports.

The harness finds its own extensions by the same entry points.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from functools import cache
from typing import Any

import msgspec

from greenlane.errors import ExtensionError
from greenlane.util.checkout import HARNESS, canonical_name, declared_entry_points
from greenlane.version import VERSION

COMMANDS = "greenlane.commands"
EXAMINERS = "greenlane.examiners"
GUARDS = "greenlane.guards"
REPORTS = "greenlane.reports"
GROUPS = {COMMANDS: "command", EXAMINERS: "examiner", GUARDS: "guard", REPORTS: "report"}
"""Every group, and what one of it is called."""

OWN = (COMMANDS, EXAMINERS, GUARDS)
"""Groups of which the harness has some itself: without them a verdict would be milder than elsewhere."""


class Extension(msgspec.Struct, frozen=True, kw_only=True):
    """An entry point.

    Attributes:
        group: one of GROUPS.
        name: how it is called here; `name@distribution` where the name was taken.
        value: where it is, as `package.module:attribute`.
        distribution: who declares it; version: of that.
    """

    group: str
    name: str
    value: str
    distribution: str
    version: str

    @property
    def label(self) -> str:
        """How it is told of: what it is, and whose."""
        return f"{GROUPS[self.group]} {self.name} of {self.distribution} {self.version}"

    @property
    def own(self) -> bool:
        """Whether it is part of the harness."""
        return self.distribution == HARNESS


def extensions(group: str, taken: Collection[str] = ()) -> tuple[Extension, ...]:
    """Return every extension of a group, the harness's own first, then by distribution and name.

    Args:
        group: one of GROUPS.
        taken: names that belong to the harness itself.
    """
    found = sorted(_found(group), key=lambda extension: (not extension.own, extension.distribution, extension.name))
    names = set(taken)
    result = []
    for extension in found:
        name = extension.name if extension.name not in names else f"{extension.name}@{extension.distribution}"
        names.add(name)
        result.append(msgspec.structs.replace(extension, name=name))
    return tuple(result)


def _found(group: str) -> list[Extension]:
    """Return the extensions of a group as they are declared."""
    own = declared_entry_points(group)
    made = [
        Extension(group=group, name=name, value=value, distribution=HARNESS, version=VERSION)
        for name, value in (own or {}).items()
    ]
    for point in _installed(tuple(sys.path)).select(group=group):
        distribution, version = (point.dist.name, point.dist.version) if point.dist else ("an unknown distribution", "")
        if own is not None and canonical_name(distribution) == HARNESS:
            continue
        made.append(
            Extension(group=group, name=point.name, value=point.value, distribution=distribution, version=version)
        )
    if group in OWN and not any(extension.own for extension in made):
        raise ExtensionError(f"{HARNESS} is installed without its metadata", f"install {HARNESS} from a wheel")
    return made


@cache
def _installed(_path: tuple[str, ...]) -> Any:
    """Return the entry points of what is installed on an import path: all of them are read, whatever the group."""
    from importlib.metadata import entry_points  # dear, and few calls need it

    return entry_points()


def load(extension: Extension) -> Any:
    """Return the object that an extension names.

    Raises:
        ExtensionError: it cannot be imported, whatever its module does.
    """
    from importlib.metadata import EntryPoint

    try:
        return EntryPoint(extension.name, extension.value, extension.group).load()
    except (Exception, SystemExit) as error:
        raise ExtensionError(
            f"{extension.label} cannot be loaded: {type(error).__name__}: {error}",
            f"install {extension.distribution} again, or remove it",
        ) from error
