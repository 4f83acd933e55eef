"""Reads the tests that a lane's files define, outside of the lane and before it runs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from greenlane.rules.census import NOT_ENTERED, Definition, definitions, is_test_file

PROJECT_FILES = frozenset({"pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg", "setup.py", "pyvenv.cfg"})
"""What makes a folder a project (or an environment) of its own: sample data, not tests of this lane."""


def take_census(root: Path, tests: Iterable[str]) -> list[Definition]:
    """Return every test that the files of a lane define.

    Args:
        root: the project.
        tests: files and folders relative to it, as the lane names them; single tests (`file::name`) are not expanded.
    """
    found = []
    for path in sorted({path for name in tests if "::" not in name for path in _files(root / name)}):
        short = os.path.relpath(path, root).replace(os.sep, "/")
        try:
            found += definitions(short, path.read_bytes())
        except OSError:
            continue
    return found


def _files(start: Path) -> Iterator[Path]:
    """Yield the test files of a file or folder."""
    if start.is_file():
        yield start
        return
    for folder, folders, files in os.walk(start):
        if Path(folder) != start and PROJECT_FILES.intersection(files):
            folders.clear()
            continue
        folders[:] = [name for name in folders if not any(fnmatch(name, pattern) for pattern in NOT_ENTERED)]
        yield from (Path(folder, name) for name in files if is_test_file(name))
