"""Finds the smallest set of tests after which a victim fails, from what chains of tests show.

Delta debugging (Zeller and Hildebrandt 2002) halves a set of changes and runs each half anew. Tests have an order, and
a process can be copied between two of them, so one run of all tests answers for each of its beginnings: the last test
of the shortest beginning that breaks the victim is needed. What else is needed stands before it, and is found alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec

from greenlane.evidence.search import Chain, Observation

Try = Callable[[Sequence[Chain]], Sequence[Observation | None]]
"""Tries chains side by side; None for a chain that was ended because another had found something."""


class UnstableError(Exception):
    """What a chain has shown could not be seen again."""


class Reduction:
    """Searches for the tests that make a victim fail, or, with `passing`, for those without which it does.

    Args:
        victim: node id of the victim.
        attempt: tries chains.
        cores: how many chains are worth running side by side.
        passing: whether to look for what makes the victim pass.

    Attributes:
        cause: first line of how the victim failed after exactly the tests that were found.
    """

    def __init__(self, victim: str, attempt: Try, cores: int, *, passing: bool = False) -> None:
        self._victim = victim
        self._attempt = attempt
        self._cores = max(1, cores)
        self._passing = passing
        self.cause = ""

    def smallest(self, tests: Sequence[str]) -> tuple[str, ...]:
        """Return a smallest set among tests, in their order; empty when no beginning of them does it.

        Args:
            tests: candidates in running order, without the victim.

        Raises:
            UnstableError: the victim does not depend on other tests alone.
        """
        found: list[str] = []
        before = list(tests)
        while not found or not self._does(found):
            place = self._last_needed(before, (*found, self._victim))
            if place is None:
                if found:
                    raise UnstableError
                return ()
            begin, end = place
            found.insert(0, before[end - 1])
            before = before[begin : end - 1]
        return self._without_idle(found)

    def _does(self, tests: Sequence[str]) -> bool:
        """Whether the victim is as looked for after exactly these tests."""
        observation = self._one(Chain(tests=tuple(tests), tail=(self._victim,), looks=(len(tests),)))
        if observation.found >= 0:
            self.cause = observation.cause
        return observation.found >= 0

    def _last_needed(self, tests: Sequence[str], tail: tuple[str, ...]) -> tuple[int, int] | None:
        """Return begin and end of a stretch of tests that does it and whose last test is needed; None for none."""
        place = self._roughly(tests, tail)
        if place is None:
            return None
        begin, clear, end = place
        by_itself = True
        while end - clear > 1:
            if by_itself and clear > begin:
                observation = self._one(self._chain(tests[clear:end], tail))
                if observation.found > 0:
                    begin, clear, end = clear, clear + observation.clear, clear + observation.found
                    continue
            # Something before the block is needed as well: run up to it, then look often.
            by_itself = clear == begin
            looks = _spread(clear - begin, end - begin)
            observation = self._one(Chain(tests=tuple(tests[begin:end]), tail=tail, looks=looks))
            if observation.found < 1:
                raise UnstableError
            clear, end = max(clear, begin + observation.clear), begin + observation.found
        return begin, end

    def _roughly(self, tests: Sequence[str], tail: tuple[str, ...]) -> tuple[int, int, int] | None:
        """Return begin, last clear look and first telling look of a stretch that does it: parts first, then all."""
        parts = _parts(len(tests), self._cores)
        tried = self._attempt([self._chain(tests[begin:end], tail) for begin, end in parts]) if parts else []
        for (begin, _), observation in zip(parts, tried, strict=True):
            if observation is not None and observation.found > 0:
                return begin, begin + observation.clear, begin + observation.found
        if len(parts) < 2:
            return None
        observation = self._one(self._chain(tests, tail))
        return (0, observation.clear, observation.found) if observation.found > 0 else None

    def _without_idle(self, found: list[str]) -> tuple[str, ...]:
        """Return a set without tests that it does not need, where tests undo each other's work."""
        for test in found[:] if len(found) > 1 else ():
            rest = [other for other in found if other != test]
            if rest and self._does(rest):
                found = rest
        return tuple(found)

    def _chain(self, tests: Sequence[str], tail: tuple[str, ...]) -> Chain:
        return Chain(tests=tuple(tests), tail=tail, passing=self._passing)

    def _one(self, chain: Chain) -> Observation:
        """Try one chain by itself."""
        (observation,) = self._attempt([msgspec.structs.replace(chain, passing=self._passing)])
        return observation or Observation()


def _spread(low: int, high: int) -> tuple[int, ...]:
    """Return places after `low` up to and with `high`, about as many as there are tests between two of them."""
    step = max(1, math.isqrt(high - low - 1))
    return (*range(low + step, high, step), high)


def _parts(count: int, cores: int) -> list[tuple[int, int]]:
    """Return begin and end of contiguous parts of nearly equal size; fewer where there are few tests."""
    number = min(cores, count)
    bounds = [count * part // number for part in range(number + 1)] if number else []
    return list(pairwise(bounds))
