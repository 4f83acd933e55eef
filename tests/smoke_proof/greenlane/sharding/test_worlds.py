"""A lane is cut whole and disjoint, whatever becomes of its tests."""

from __future__ import annotations

import random

from support.worlds import assert_exactly_once


def test_every_test_runs_exactly_once_in_ten_thousand_worlds() -> None:
    """See `assert_exactly_once`."""
    dice = random.Random(7)
    for _ in range(10_000):
        assert_exactly_once(dice)
