"""What looks at the caller's environment before any lane runs, and gives lanes files: guards, which are extensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from greenlane.config.context import Context
from greenlane.config.lanes import Lane
from greenlane.errors import ExtensionError, GreenlaneError
from greenlane.evidence.violation import Violation
from greenlane.judge.examiners import objection
from greenlane.supervisor.plan import GivenFile
from greenlane.util.extensions import GUARDS, Extension, extensions, load


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What a guard looks at.

    Attributes:
        context: of the call: the project and the caller's environment.
        strict: whether what is wrong is red.
        read_yaml: returns the content of a YAML file as plain data, or raises a `GreenlaneError`.
    """

    context: Context
    strict: bool
    read_yaml: Callable[[Path], Any]


class Guarded(msgspec.Struct, frozen=True, kw_only=True):
    """What a guard found, and what it gives to lanes.

    Attributes:
        notes: what is wrong; where one gates, nothing is run.
        files: that lanes are given.
        hermetic_files: that deterministic lanes are given in their place.
        facts: lines for `greenlane doctor`.
    """

    notes: tuple[Violation, ...] = ()
    files: tuple[GivenFile, ...] = ()
    hermetic_files: tuple[GivenFile, ...] = ()
    facts: tuple[str, ...] = ()


Guard = Callable[[Look], Guarded]


def look_around(look: Look) -> dict[str, Guarded]:
    """Return what every guard found, by its name; one that fails is a violation by its name.

    Raises:
        GreenlaneError: a guard cannot go on, and says why.
    """
    return {extension.name: _guarded(extension, look) for extension in extensions(GUARDS)}


def _guarded(extension: Extension, look: Look) -> Guarded:
    """Return what one guard found."""
    try:
        found = load(extension)(look)
    except ExtensionError as error:
        return Guarded(notes=(objection(error.message),))
    except GreenlaneError:
        raise
    except Exception as error:  # noqa: BLE001  foreign code: what it could not look at must not pass for right
        return Guarded(notes=(objection(f"{extension.label} failed: {type(error).__name__}: {error}"),))
    if not isinstance(found, Guarded):
        return Guarded(notes=(objection(f"{extension.label} returned {found!r}, which is no Guarded"),))
    return found


def given_files(guards: Mapping[str, Guarded], lane: Lane, root: Path, artifacts: Path) -> tuple[GivenFile, ...]:
    """Return the files of a lane, at their places.

    Args:
        root: folder of the project; artifacts: of this run of the lane.
    """
    every = guards.values()
    found = [file for one in every for file in (one.hermetic_files if lane.deterministic else one.files)]
    return tuple(
        msgspec.structs.replace(
            file,
            path=file.path or str(artifacts / file.name),
            latest=str(root / file.latest) if file.latest else "",
        )
        for file in found
    )
