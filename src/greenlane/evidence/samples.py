"""Tests that are run several times on purpose, and judged together."""

from __future__ import annotations

import msgspec


class SampleGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The samples of one test, as the lane collected them.

    Attributes:
        test: node id without the sample's number.
        n: samples that its mark asks for; at_least: of these that must pass.
        seeds: seed by node id of each sample that is to run here.
    """

    test: str
    n: int
    at_least: int
    seeds: dict[str, int]


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """The mark `samples` as the text of a test file has it; `test` is the node id without parameters."""

    test: str
    n: int
    at_least: int


class FailedSample(msgspec.Struct, frozen=True, kw_only=True):
    """A sample that failed.

    Attributes:
        seed: that it ran with; cause: first line of what went wrong.
        replay: shell command that runs this sample alone, with the same seed.
    """

    nodeid: str
    seed: int
    cause: str
    replay: str


class SampleResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the samples of one test came to.

    Attributes:
        passed: samples that passed, of `n`; at_least: that had to.
        low, high: 95 % confidence interval of the pass rate, 0 to 1.
        met: whether enough of them passed.
        chance: how often it would be red by chance at the rate that was measured, 0 to 1.
        failed: those that did not.
    """

    test: str
    n: int
    at_least: int
    passed: int
    low: float
    high: float
    met: bool
    chance: float = 0.0
    failed: tuple[FailedSample, ...] = ()

    @property
    def rate(self) -> float:
        """Share of the samples that passed, 0 to 1."""
        return self.passed / self.n
