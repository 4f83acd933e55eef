"""The exact bound of a rate."""

from __future__ import annotations

from math import comb

import pytest

from greenlane.judge.binomial import at_most, needed_for, passes_needed, runs_for, too_few, upper_bound


@pytest.mark.parametrize(
    ("bad", "runs", "bound"),
    [
        # Zero failures: 1 - 0.05 ** (1 / n), in closed form.
        (0, 1, 0.95),
        (0, 10, 1 - 0.05**0.1),
        (0, 59, 1 - 0.05 ** (1 / 59)),
        (0, 100_000, 1 - 0.05 ** (1 / 100_000)),
        # To the four digits of printed tables.
        (1, 10, 0.3942),
        (2, 100, 0.0616),
        (5, 5, 1.0),
    ],
)
def test_upper_bound(bad: int, runs: int, bound: float) -> None:
    """The bound is Clopper and Pearson's."""
    assert upper_bound(bad, runs) == pytest.approx(bound, abs=5e-5)


def test_without_runs() -> None:
    """Nothing was seen, so nothing is ruled out."""
    assert upper_bound(0, 0) == 1.0


def test_the_bound_is_where_the_probability_is_five_percent() -> None:
    """At the bound, so few failures have the probability 0.05, summed by whole numbers."""
    for bad, runs in ((0, 20), (3, 40), (7, 200)):
        p = upper_bound(bad, runs)
        exact = sum(comb(runs, k) * p**k * (1 - p) ** (runs - k) for k in range(bad + 1))
        assert exact == pytest.approx(0.05, rel=1e-6)
        assert at_most(bad, runs, p) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(("bad", "rate", "needed"), [(0, 0.05, 59), (0, 0.01, 299), (1, 0.05, 93)])
def test_passes_needed(bad: int, rate: float, needed: int) -> None:
    """The number of runs is the smallest that is enough."""
    assert passes_needed(bad, rate) == needed
    assert upper_bound(bad, needed) < rate <= upper_bound(bad, needed - 1)


@pytest.mark.parametrize(("bad", "runs"), [(2, 1), (-1, 3)])
def test_impossible(bad: int, runs: int) -> None:
    """More failures than runs are refused."""
    with pytest.raises(ValueError, match="impossible"):
        upper_bound(bad, runs)


@pytest.mark.parametrize(
    ("needed", "runs", "rate", "chance"),
    [(1, 6, 1 / 6, 0.3349), (3, 4, 0.75, 0.2617), (1, 26, 1 / 6, 0.0087), (4, 5, 1.0, 0.0), (1, 5, 0.0, 1.0)],
)
def test_too_few(needed: int, runs: int, rate: float, chance: float) -> None:
    """So often do fewer go right than must; one that always or never does has no luck."""
    assert too_few(needed, runs, rate) == pytest.approx(chance, abs=5e-5)


def test_what_would_do() -> None:
    """The fewest runs, and the most that may be asked for, are exactly at the border; sometimes neither will do."""
    assert runs_for(1, 1 / 6, 0.01, 1000) == 26
    assert too_few(1, 25, 1 / 6) > 0.01
    assert needed_for(10, 0.8, 0.01) == 5
    assert too_few(5, 10, 0.8) <= 0.01 < too_few(6, 10, 0.8)
    assert (runs_for(1, 0.001, 0.01, 1000), needed_for(2, 0.5, 0.01)) == (0, 0)
