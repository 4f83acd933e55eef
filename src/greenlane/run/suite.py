"""Where a project's own tests are, as its pytest would find them; and whether any lane has them."""

from __future__ import annotations

from pathlib import Path

from greenlane.config.load import Settings
from greenlane.config.pytest_settings import PytestSettings, read_pytest
from greenlane.evidence.violation import Code, Violation
from greenlane.run.census import files_of_tests

CUSTOMARY = ("tests", "test", "testing")
"""Folders that hold a suite, when nothing else is said."""

SAMPLES = frozenset(
    {
        "tests/smoke_core/test_core_smoke.py", "tests/smoke_nd/test_nd_smoke.py",
        "tests/smoke_release/test_release_smoke.py",
    }
)  # fmt: skip
"""Tests that `greenlane init` writes where there are none: they are nobody's own."""


def suite_of(root: Path, settings: PytestSettings) -> tuple[str, ...]:
    """Return the folders and files that a project's tests are in, relative to it: as pytest would find them.

    Args:
        root: the project; settings: what it tells pytest.
    """
    if settings.testpaths:
        found = sorted({path for name in settings.testpaths for path in root.glob(name.rstrip("/"))})
        return tuple(path.relative_to(root).as_posix() for path in found)
    places = {_place(file.relative_to(root)) for file in files_of_tests(root, settings.files)}
    usual = [name for name in CUSTOMARY if name in places]
    return tuple(usual or sorted(places))


def _place(file: Path) -> str:
    """Return what pytest is given for a test file: the outermost folder that is called as test folders are, or its own.

    Args:
        file: relative to the project.
    """
    for count, part in enumerate(file.parts[:-1], 1):
        if part in CUSTOMARY:
            return "/".join(file.parts[:count])
    return file.parent.as_posix() if len(file.parts) > 1 else file.name


def in_no_lane(settings: Settings) -> list[Violation]:
    """Return NO_TESTS where a project has tests of its own and no lane has any of them: nothing would be proved."""
    root = settings.root
    lanes = settings.configuration.lanes.values()
    taken = {Path(test.split("::")[0]) for lane in lanes for test in lane.tests}
    own = []
    for path in files_of_tests(root, read_pytest(root).files):
        file = path.relative_to(root)
        if file.as_posix() in SAMPLES:
            continue
        if not taken.isdisjoint((file, *file.parents)):
            return []  # nearly always the first: no other has to be looked for
        own.append(file)
    if not own:
        return []
    message = f"the {len(own)} test files of the project are in no lane, {min(own).as_posix()} among them"
    return [Violation(Code.NO_TESTS, message)]
