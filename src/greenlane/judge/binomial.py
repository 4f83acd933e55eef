"""How sure can one be of a rate that was seen in few runs?"""

from __future__ import annotations

import math

CONFIDENCE = 0.95
_HALVINGS = 60
"""Bisections of the unit interval: more than a double can hold."""


def upper_bound(bad: int, runs: int, confidence: float = CONFIDENCE) -> float:
    """Return the exact one-sided upper bound of a rate, the largest one under which so few bad runs are still likely.

    Args:
        bad: runs that went wrong; runs: all of them.
        confidence: 0 to 1; 0.95 is wrong for one test in twenty.

    Returns:
        The rate p at which `bad` or fewer of `runs` have the probability 1 - confidence; 1.0 without runs.

    Raises:
        ValueError: there are more bad runs than runs, or fewer than none.

    Source: Clopper and Pearson, "The use of confidence or fiducial limits", Biometrika 26 (1934).
    """
    if not 0 <= bad <= runs:
        raise ValueError(f"{bad} of {runs} runs is impossible")
    if bad == runs:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if at_most(bad, runs, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def interval(hits: int, runs: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the exact two-sided interval of a rate, each side wrong half as often as both together.

    Args:
        hits: runs of the kind that is counted; runs: all of them, at least one.
        confidence: 0 to 1.

    Raises:
        ValueError: there are more hits than runs, or fewer than none.

    Source: Clopper and Pearson, as above.
    """
    side = (1 + confidence) / 2
    return 1 - upper_bound(runs - hits, runs, side), upper_bound(hits, runs, side)


def at_most(bad: int, runs: int, rate: float) -> float:
    """Return the probability of at most `bad` bad runs among `runs` at a rate strictly between 0 and 1."""
    log_ways = math.lgamma(runs + 1)
    terms = (
        log_ways - math.lgamma(k + 1) - math.lgamma(runs - k + 1) + k * math.log(rate) + (runs - k) * math.log1p(-rate)
        for k in range(bad + 1)
    )
    return math.fsum(map(math.exp, terms))


def passes_needed(bad: int, rate: float, confidence: float = CONFIDENCE) -> int:
    """Return how many runs with so many bad ones bring the upper bound under a rate."""
    low, high = bad, bad + 1
    while upper_bound(bad, high, confidence) >= rate:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if upper_bound(bad, middle, confidence) >= rate else (low, middle)
    return high


def too_few(needed: int, runs: int, rate: float) -> float:
    """Return the probability, 0 to 1, that fewer than `needed` (from 1 up) of `runs` go right, each with this rate."""
    if rate <= 0:
        return 1.0
    return 0.0 if rate >= 1 else min(1.0, at_most(needed - 1, runs, rate))


def runs_for(needed: int, rate: float, chance: float, most: int) -> int:
    """Return the fewest runs of which at least `needed` go right but for this chance; 0 when `most` are not enough."""
    return next((runs for runs in range(needed, most + 1) if too_few(needed, runs, rate) <= chance), 0)


def needed_for(runs: int, rate: float, chance: float) -> int:
    """Return the most that may be asked for of so many runs but for this chance; 0 when one is too many."""
    return next((needed for needed in range(runs, 0, -1) if too_few(needed, runs, rate) <= chance), 0)
