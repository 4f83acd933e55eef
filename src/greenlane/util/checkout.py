"""Where the running harness comes from: a checkout, or an installation."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import greenlane

HARNESS = "greenlane"


def canonical_name(name: str) -> str:
    """Return a distribution name as the packaging standards compare it: `Foo_Bar` is `foo-bar`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def harness_source() -> Path | None:
    """Return the checkout that the running harness is imported from; None when it is installed."""
    root = Path(greenlane.__file__).resolve().parents[2]
    return root if canonical_name(str(_project(root / "pyproject.toml").get("name", ""))) == HARNESS else None


def declared_entry_points(group: str) -> dict[str, str] | None:
    """Return the entry points that a checkout of the harness declares, by name; None when it is installed.

    A checkout on the import path has no metadata, or that of the day on which it was installed.

    Args:
        group: such as `greenlane.commands`.
    """
    source = harness_source()
    return None if source is None else dict(_project(source / "pyproject.toml")["entry-points"].get(group, {}))


@cache
def _project(file: Path) -> dict[str, Any]:
    """Return `[project]` of a file, empty where there is none; the harness that runs does not change while it does."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    project: dict[str, Any] = content.get("project", {})
    return project
