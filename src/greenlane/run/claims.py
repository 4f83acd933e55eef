"""What the lanes of a project take of its tests, with what the ledger has moved."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from greenlane.config.lanes import Lane
from greenlane.config.load import Settings
from greenlane.config.pytest_settings import read_pytest
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
    files = present_files(settings.root, (*_all_tests(settings), *read_pytest(settings.root).testpaths))
    return tuple(name for name in files if not file_owners(name, claims))


def _all_tests(settings: Settings) -> Iterable[str]:
    return dict.fromkeys(test for lane in settings.configuration.lanes.values() for test in lane.tests)
