"""Reads the tests that a lane's files define, outside of the lane and before it runs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from greenlane.evidence.claims import Claims
from greenlane.evidence.samples import Declared
from greenlane.judge.census import FILES, NOT_ENTERED, Definition, definitions
from greenlane.judge.samples import MARK, declarations
from greenlane.sharding.claims import takes_file

NO_CLAIMS = Claims()

PROJECT_FILES = frozenset({"pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg", "setup.py", "pyvenv.cfg"})
"""What makes a folder a project (or an environment) of its own: sample data, not tests of this lane."""


def take_census(root: Path, tests: Iterable[str], claims: Claims = NO_CLAIMS) -> list[Definition]:
    """Return every test that the files of a lane define.

    Args:
        tests: files and folders relative to it, as the lane names them; single tests (`file::name`) are not expanded.
        claims: whose files of these are left out, because they are other lanes'.
    """
    found = []
    for name in present_files(root, [name for name in tests if "::" not in name], claims):
        try:
            found += definitions(name, (root / name).read_bytes())
        except OSError:
            continue
    return found


def sample_marks(root: Path, tests: Iterable[str]) -> tuple[Declared, ...]:
    """Return the marks `samples` in the text of a lane's files.

    Args:
        tests: files, folders and single tests, as the lane names them.
    """
    found: list[Declared] = []
    for name in present_files(root, tests):
        try:
            source = (root / name).read_bytes()
        except OSError:
            continue
        found += declarations(name, source) if MARK.encode() in source else []
    return tuple(found)


def present_files(root: Path, tests: Iterable[str], claims: Claims = NO_CLAIMS) -> list[str]:
    """Return the test files of a lane, relative to the project, with slashes, sorted.

    Args:
        tests: files, folders and single tests (`file::name`), as the lane names them.
        claims: whose files of these are left out, because they are other lanes'.
    """
    starts = {name.split("::", 1)[0] for name in tests}
    paths = {path for name in starts for path in files_of_tests(root / name)}
    names = [os.path.relpath(path, root).replace(os.sep, "/") for path in sorted(paths)]
    return [name for name in names if takes_file(name, claims)]


def files_of_tests(start: Path, patterns: Sequence[str] = FILES) -> Iterator[Path]:
    """Yield the test files of a file or folder, but not those of environments, nor of projects within it."""
    if start.is_file():
        yield start
        return
    for folder, folders, files in os.walk(start):
        if Path(folder) != start and PROJECT_FILES.intersection(files):
            folders.clear()
            continue
        folders[:] = [name for name in folders if not any(fnmatch(name, pattern) for pattern in NOT_ENTERED)]
        yield from (Path(folder, name) for name in files if any(fnmatch(name, pattern) for pattern in patterns))
