"""Removes what earlier runs left: files in a lane's folder of artifacts, and compiled files of the project."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from greenlane.errors import ConfigError
from greenlane.evidence.artifacts import CONTRACT, JOURNAL, JUNIT, RECORD
from greenlane.run.job import LaneJob
from greenlane.util.work_tree import PRUNED

REMOVALS = 5
"""How often we try to remove a folder into which another run writes."""


def remove_stale(job: LaneJob) -> None:
    """Remove what an earlier run of this lane or shard left, so that it cannot be taken for ours.

    Raises:
        ConfigError: the folder is not one that a lane has written, or lies outside the project.
    """
    folder = job.artifacts
    if folder.is_symlink():
        folder.unlink()
    if not folder.resolve().is_relative_to(job.settings.root):
        raise ConfigError(f"artifacts: {folder} leads out of the project", "remove the link")
    known = (RECORD, CONTRACT, JOURNAL, JUNIT)
    if folder.exists() and any(folder.iterdir()) and not any(p.name in known for p in folder.rglob("*")):
        raise ConfigError(f"artifacts: {folder} holds files that no lane has written", "move them, or choose another")
    # A run that has just given up the environment may still be writing its report beside ours.
    for _ in range(REMOVALS):
        shutil.rmtree(job.artifacts, ignore_errors=True)
        if not job.artifacts.exists():
            break
    else:
        shutil.rmtree(job.artifacts)
    job.artifacts.mkdir(parents=True, exist_ok=True)


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
