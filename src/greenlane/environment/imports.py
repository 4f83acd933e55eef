"""The import names of what an environment holds: it is exactly what its lock says, so what is not here is not there."""

from __future__ import annotations

from pathlib import Path

from greenlane.environment.drift import site_packages

RECORD = "greenlane-*.dist-info/RECORD"
"""Names every file of the harness, which each lane gets beside its lock."""

MODULES = (".py", ".so", ".pyd")


def import_names(location: Path) -> tuple[str, ...]:
    """Return the top-level import names of an environment's packages and modules, sorted; ours are not the lock's.

    Args:
        location: folder of the environment.
    """
    names = set()
    site = site_packages(location)
    ours = {line.partition("/")[0] for record in site.glob(RECORD) for line in record.read_text("utf-8").splitlines()}
    for path in site.iterdir():
        name = path.name.partition(".")[0]
        if (
            name.isidentifier()
            and path.name not in ours
            and name != "__pycache__"
            and (path.suffix in MODULES or path.name == name)
        ):
            names.add(name)
    return tuple(sorted(names))
