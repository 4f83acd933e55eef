"""The smallest set of tests after which a victim fails, found in worlds whose rules are known."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from greenlane.evidence.search import Chain, Observation
from greenlane.supervisor.reduction import Reduction, UnstableError

VICTIM = "victim"
World = Callable[[Sequence[str]], bool]
"""Whether the victim fails after tests that were run in this order."""


class Machine:
    """Tries chains in a world, as a lane process does, and counts what it runs.

    Args:
        world: the rule; looks: how many looks are taken where nobody says.
    """

    def __init__(self, world: World, looks: int = 5) -> None:
        self._world = world
        self._looks = looks
        self.ran = 0
        self.longest = 0

    def __call__(self, chains: Sequence[Chain]) -> list[Observation | None]:
        """Try chains; the first that finds something ends those after it."""
        observations: list[Observation | None] = []
        for chain in chains:
            observations.append(self._follow(chain))
            if observations[-1] is not None and observations[-1].found >= 0:
                return observations + [None] * (len(chains) - len(observations))
        return observations

    def _follow(self, chain: Chain) -> Observation:
        count = len(chain.tests)
        step = max(1, count // self._looks)
        looks = chain.looks if chain.looks is not None else (*range(step, count, step), count)
        clear = 0
        for look in looks:
            fails = self._world((*chain.tests[:look], *chain.tail[:-1]))
            if fails is not chain.passing:
                self.ran += look
                return Observation(found=look, clear=clear)
            clear = look
        self.ran += count
        return Observation(clear=clear)


def together(*needed: str) -> World:
    """A victim that fails when all of some tests have run."""
    return lambda ran: set(needed) <= set(ran)


TESTS = [f"t{number}" for number in range(60)]


@pytest.mark.parametrize("cores", [1, 2, 4])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_polluters_that_are_harmful_only_together_are_found(count: int, cores: int) -> None:
    """Any places, any number of looks: exactly those, in running order."""
    dice = random.Random(count)
    for _ in range(150):
        needed = sorted(dice.sample(range(60), count))
        machine = Machine(together(*(TESTS[number] for number in needed)), looks=dice.randint(1, 60))
        assert Reduction(VICTIM, machine, cores).smallest(TESTS) == tuple(TESTS[number] for number in needed)


def test_one_polluter_costs_no_more_than_a_run_and_a_little() -> None:
    """Wherever it stands, the tests that are run are at most one and a half times all of them."""
    for size in (50, 200, 800):
        tests = [f"t{number}" for number in range(size)]
        for place in range(0, size, 7):
            machine = Machine(together(tests[place]), looks=int(size**0.5))
            assert Reduction(VICTIM, machine, 2).smallest(tests) == (tests[place],)
            assert machine.ran <= 1.5 * size


def test_either_of_two_is_enough() -> None:
    """One of them is the answer, never both."""
    found = Reduction(VICTIM, Machine(lambda ran: "t7" in ran or "t40" in ran), 2).smallest(TESTS)

    assert found in [("t7",), ("t40",)]


def test_a_test_that_cleans_up_hides_nothing() -> None:
    """After all tests the victim passes, because a later one undoes the harm; it is found all the same."""

    def world(ran: Sequence[str]) -> bool:
        return "t10" in ran and "t11" not in ran[list(ran).index("t10") :]

    assert Reduction(VICTIM, Machine(world, looks=60), 1).smallest(TESTS) == ("t10",)


def test_a_polluter_that_must_come_after_another() -> None:
    """The order within the set is the running order."""

    def world(ran: Sequence[str]) -> bool:
        return "t3" in ran and "t50" in ran and list(ran).index("t3") < list(ran).index("t50")

    assert Reduction(VICTIM, Machine(world), 2).smallest(TESTS) == ("t3", "t50")


def test_a_helper_is_found_by_looking_for_a_pass() -> None:
    """A victim that passes only after another test."""
    machine = Machine(lambda ran: "t20" not in ran)

    assert Reduction(VICTIM, machine, 2, passing=True).smallest(TESTS) == ("t20",)


def test_nothing_is_found_where_nothing_harms() -> None:
    """And where there are no other tests at all."""
    assert Reduction(VICTIM, Machine(together("other")), 2).smallest(TESTS) == ()
    assert Reduction(VICTIM, Machine(together("other")), 2).smallest([]) == ()


def test_what_is_not_seen_again_is_unstable() -> None:
    """A victim that fails at random ends the search, which names nobody."""
    once = iter([True])

    with pytest.raises(UnstableError):
        Reduction(VICTIM, Machine(lambda ran: next(once, False)), 1).smallest(TESTS)
