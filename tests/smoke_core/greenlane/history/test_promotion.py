"""A test leaves the quarantine on evidence only."""

from __future__ import annotations

import pytest

from greenlane.config.schema import Quarantine
from greenlane.history.promotion import promotion

OPTIONS = Quarantine(rate=0.05, over_days=3)


@pytest.mark.parametrize(
    ("passes", "failures", "days", "granted"),
    [(59, 0, 3, True), (58, 0, 3, False), (59, 0, 2, False), (92, 1, 3, True), (91, 1, 3, False), (0, 0, 0, False)],
)
def test_enough_passes_over_enough_days(passes: int, failures: int, days: int, granted: bool) -> None:
    """59 passes without a failure bring the upper bound under 5 %, 92 with one; on three days at least."""
    assert promotion("2026-01-01", passes, failures, days, OPTIONS).granted is granted


def test_the_arithmetic_is_shown() -> None:
    """Counts, bound, threshold and what is missing are told in words."""
    lines = promotion("2026-01-01", 50, 0, 1, OPTIONS).arithmetic
    assert lines == (
        "since 2026-01-01: 50 runs, 0 failures, passes on 1 days",
        "P(at most 0 failures in 50 runs) = 0.05 at the rate 0.0582",
        "upper 95% bound of the flake rate (exact binomial) 5.82%; needed: under 5.00%",
        "missing: 9 more passes in a row",
        "missing: passes on 2 more days; 3 are needed",
    )
