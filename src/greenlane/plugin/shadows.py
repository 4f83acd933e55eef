"""Finds modules that were imported from elsewhere than the lane's environment, which has them too."""

from __future__ import annotations

import os
import sys
import sysconfig

EARLY = frozenset({"sitecustomize", "usercustomize"})
"""What Python runs before everything else."""

NAMED_LIKE_OURS = frozenset({"test"})
"""Names of the standard library that many projects give to their own folders."""


def shadows(project: str) -> tuple[str, ...]:
    """Return modules of this process that stand in the place of others, as `name from path`.

    A module of the project's own checkout is none while it is what the installed wheel holds.

    Args:
        project: absolute path of the project, for shorter paths.
    """
    paths = sysconfig.get_paths()
    folders = (sys.prefix, *(paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")))
    # As they are named, too: distributions link parts of the standard library to elsewhere, such as /etc.
    inside = tuple({os.path.join(path, "") for folder in folders for path in (folder, os.path.realpath(folder))})
    found = []
    for name, module in sorted(sys.modules.items()):
        origin = getattr(getattr(module, "__spec__", None), "origin", None)
        if not isinstance(origin, str) or not os.path.isabs(origin) or not origin.endswith(".py"):
            continue
        # Nearly all are: to resolve each of their paths would take longer than everything else here.
        if origin.startswith(inside):
            continue
        real = os.path.realpath(origin)
        if real.startswith(inside) or not _stands_for(name, real, paths["purelib"]):
            continue
        found.append(f"{name} from {os.path.relpath(real, project)}")
    return tuple(found)


def _stands_for(name: str, path: str, site: str) -> bool:
    """Whether a module from outside has the name of one that is inside, and another content."""
    top = name.partition(".")[0]
    if top in EARLY or (top in sys.stdlib_module_names and top not in NAMED_LIKE_OURS):
        return True
    if not os.path.exists(os.path.join(site, top)) and not os.path.exists(os.path.join(site, f"{top}.py")):
        return False
    stem = os.path.join(site, *name.split("."))
    return not any(_same(path, other) for other in (f"{stem}.py", os.path.join(stem, "__init__.py")))


def _same(path: str, other: str) -> bool:
    """Whether two files hold the same bytes."""
    try:
        with open(path, "rb") as left, open(other, "rb") as right:
            return left.read() == right.read()
    except OSError:
        return False
