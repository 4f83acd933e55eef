"""What the lanes of a project take of its tests, with what the ledger has moved."""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from greenlane.config.lanes import Lane
from greenlane.config.load import Settings
from greenlane.evidence.claims import Claim, Claims, Move
from greenlane.evidence.ledger import Ledger
from greenlane.run.census import present_files
from greenlane.sharding.claims import file_owners
from greenlane.util.globs import wild


def claims_of(settings: Settings, ledger: Ledger, lane: Lane | None = None) -> Claims:
    """Return who takes what.

    Args:
        ledger: what is moved.
        lane: the one that asks; None outside of a lane.
    """
    lanes = settings.configuration.lanes.values()
    return Claims(
        own=(lane.variant_of or lane.name) if lane else "",
        lanes=tuple(
            Claim(lane=one.name, tests=one.tests, exclude=one.exclude, marks=one.marks)
            for one in lanes if not one.variant_of
        ),
        moves=tuple(Move(test=entry.test, lane=entry.lane) for entry in ledger.moves),
    )  # fmt: skip


def with_moved(settings: Settings, ledger: Ledger, lane: Lane) -> Lane:
    """Return a lane that looks into the files of tests that the ledger has moved into it, too."""
    patterns = {m.test.partition("::")[0] for m in ledger.moves if m.lane in (lane.name, lane.variant_of)}
    if not patterns:
        return lane
    own = set(present_files(settings.root, lane.tests))
    every = present_files(settings.root, _all_tests(settings))
    more = tuple(name for name in every if name not in own and any(wild(name, pattern) for pattern in patterns))
    return msgspec.structs.replace(lane, tests=(*lane.tests, *more))


def unclaimed_files(settings: Settings, ledger: Ledger) -> tuple[str, ...]:
    """Return the test files below the lanes' paths, and below pytest's own `testpaths`, that no lane takes."""
    claims = claims_of(settings, ledger)
    files = present_files(settings.root, (*_all_tests(settings), *test_paths(settings.root)))
    return tuple(name for name in files if not file_owners(name, claims))


def _all_tests(settings: Settings) -> Iterable[str]:
    return dict.fromkeys(test for lane in settings.configuration.lanes.values() for test in lane.tests)


def test_paths(root: Path) -> tuple[str, ...]:
    """Return pytest's `testpaths` of a project, from the first of its files that has a section of pytest."""
    for name, section in (("pytest.ini", "pytest"), (".pytest.ini", "pytest")):
        if (root / name).is_file():
            return _of_ini(root / name, section)
    try:
        content = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        content = {}
    options = content.get("tool", {}).get("pytest", {})
    options = options.get("ini_options", options)
    if options:
        paths = options.get("testpaths", ())
        return tuple(paths.split() if isinstance(paths, str) else map(str, paths))
    found = (_of_ini(root / name, section) for name, section in (("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")))
    return next((paths for paths in found if paths), ())


def _of_ini(path: Path, section: str) -> tuple[str, ...]:
    """Return `testpaths` of an ini file; nothing where it has none or is damaged, which pytest tells."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return ()
    return tuple(parser.get(section, "testpaths", fallback="").split())
