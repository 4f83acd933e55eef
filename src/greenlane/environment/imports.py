"""The import names of what an environment holds: it is exactly what its lock says, so what is not here is not there."""

from __future__ import annotations

from pathlib import Path

from greenlane.environment.drift import site_packages

MODULES = (".py", ".so", ".pyd")


def import_names(location: Path) -> tuple[str, ...]:
    """Return the top-level import names of an environment's packages and modules, sorted.

    Args:
        location: folder of the environment.
    """
    names = set()
    for path in site_packages(location).iterdir():
        name = path.name.partition(".")[0]
        if name.isidentifier() and name != "__pycache__" and (path.suffix in MODULES or path.name == name):
            names.add(name)
    return tuple(sorted(names))
