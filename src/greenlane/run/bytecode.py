"""Removes compiled files of the project: a lane runs the sources that its evidence is about.

Python takes a compiled file for that of its source while size and second of the last change are the same; and whoever
writes one decides what the next run executes. The environment's own are part of what is compared with its manifest.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from greenlane.util.work_tree import PRUNED

CACHE = "__pycache__"


def forget_bytecode(root: Path) -> None:
    """Remove every compiled Python file of a project; those of environments inside it stay."""
    for folder, folders, files in os.walk(root):
        if Path(folder).name == CACHE:
            for name in files:
                # Another lane of the project may be doing the same.
                with suppress(OSError):
                    os.unlink(os.path.join(folder, name))
        keep = [name for name in folders if name == CACHE or name not in PRUNED]
        folders[:] = [] if "pyvenv.cfg" in files else keep
