"""The tests that flaked lately, as the database tells it."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from greenlane.config.schema import Quarantine
from greenlane.evidence.ledger import Ledger
from greenlane.evidence.quarantine import FlakyTest
from greenlane.history.queries import run_counts, seen
from greenlane.judge.flakes import Flake, flaky_tests


def flaky(
    connection: sa.Connection, options: Quarantine, ledger: Ledger, now: float
) -> list[tuple[FlakyTest, tuple[Flake, ...]]]:
    """Return each test that flaked in the window with its flakes, most flakes first.

    Args:
        options: say how long the window is.
        ledger: says which of them are quarantined.
        now: Unix seconds.
    """
    entries = {(entry.lane, entry.test) for entry in ledger.quarantined}
    found = flaky_tests(seen(connection, now, options.days), {}, now, options.days)
    counts = run_counts(connection, [(test.lane, test.test) for test, _ in found], now, options.days)
    return [
        (
            msgspec.structs.replace(
                test, runs=max(test.runs, counts[test.lane, test.test]), quarantined=(test.lane, test.test) in entries
            ),
            flakes,
        )
        for test, flakes in found
    ]
