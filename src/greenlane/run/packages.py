"""The import names of a project's own code."""

from __future__ import annotations

from pathlib import Path

import msgspec

from greenlane.config.leaks import LeakPolicy
from greenlane.config.load import Settings

NOT_CODE = frozenset({"build", "conftest", "dist", "docs", "noxfile", "setup", "test", "tests"})
"""Names in a project's folder that are no package of it."""


def own_packages(root: Path) -> tuple[str, ...]:
    """Return the packages and modules below `src`, or, without such a folder, those beside `pyproject.toml`."""
    folder = root / "src" if (root / "src").is_dir() else root
    modules = {path.stem for path in folder.glob("*.py")}
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    return tuple(sorted(name for name in modules | packages if name.isidentifier() and name not in NOT_CODE))


def leak_policy(settings: Settings) -> LeakPolicy:
    """Return what the leak guard does in this project: unless packages are named, it watches the project's own."""
    leaks = settings.configuration.leaks
    return leaks if leaks.watch else msgspec.structs.replace(leaks, watch=own_packages(settings.root))
