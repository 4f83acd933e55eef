"""When a quarantined test may gate again, with the arithmetic that shows it."""

from __future__ import annotations

import msgspec

from greenlane.config.schema import Quarantine
from greenlane.judge.binomial import CONFIDENCE, passes_needed, upper_bound


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a test may leave the quarantine, with the arithmetic.

    Attributes:
        runs: sound runs since `since`; failures: bad ones among them; days: on which it passed.
        bound: upper bound of the flake rate at 95 % confidence; rate: that it must be under.
        over_days: days that are needed.
    """

    since: str
    runs: int
    failures: int
    days: int
    bound: float
    rate: float
    over_days: int

    @property
    def granted(self) -> bool:
        """Whether the evidence is enough."""
        return self.bound < self.rate and self.days >= self.over_days

    @property
    def arithmetic(self) -> tuple[str, ...]:
        """What was counted and computed, and what is missing; one line each."""
        percent, seen = f"{CONFIDENCE:.0%}", f"at most {self.failures} failures in {self.runs} runs"
        lines = [
            f"since {self.since}: {self.runs} runs, {self.failures} failures, passes on {self.days} days",
            f"P({seen}) = {1 - CONFIDENCE:.2f} at the rate {self.bound:.4f}",
            f"upper {percent} bound of the flake rate (exact binomial) {self.bound:.2%}; needed: under {self.rate:.2%}",
        ]
        if self.bound >= self.rate:
            more = passes_needed(self.failures, self.rate) - self.runs
            lines.append(f"missing: {more} more passes in a row")
        if self.days < self.over_days:
            lines.append(f"missing: passes on {self.over_days - self.days} more days; {self.over_days} are needed")
        return tuple(lines)


def promotion(since: str, passes: int, failures: int, days: int, options: Quarantine) -> Promotion:
    """Return whether so much evidence is enough to let a test gate again."""
    runs = passes + failures
    return Promotion(
        since=since, runs=runs, failures=failures, days=days, bound=upper_bound(failures, runs), rate=options.rate,
        over_days=options.over_days,
    )  # fmt: skip
