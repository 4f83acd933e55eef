"""The breaker, alone: what it lets through and when."""

from __future__ import annotations

import pytest

from mini_agent.memory.breaker import FAILURES, OPEN_S, Breaker
from support.hand_clock import HandClock


@pytest.fixture
def clock() -> HandClock:
    """A clock that the test moves."""
    return HandClock()


@pytest.fixture
def opened(clock: HandClock) -> Breaker:
    """A breaker that has just opened."""
    breaker = Breaker(clock)
    assert [breaker.failed() for _ in range(FAILURES)] == [*[False] * (FAILURES - 1), True]
    assert not breaker.admits()
    return breaker


def test_one_attempt_at_a_time_finds_out_how_things_are(clock: HandClock, opened: Breaker) -> None:
    """While the first attempt after the pause is on its way, nobody else asks."""
    clock.advance(OPEN_S)
    assert [opened.admits() for _ in range(3)] == [True, False, False]
    opened.succeeded()
    assert opened.admits()


def test_an_attempt_that_was_given_up_leaves_its_place(clock: HandClock, opened: Breaker) -> None:
    """It says nothing about the service, so the next request asks."""
    clock.advance(OPEN_S)
    assert opened.admits()
    opened.abandoned()
    assert opened.admits()


def test_a_late_failure_of_before_does_not_prolong_the_pause(clock: HandClock, opened: Breaker) -> None:
    """Attempts that were on their way when it opened change nothing."""
    clock.advance(OPEN_S - 1)
    assert not opened.failed()
    clock.advance(1)
    assert opened.admits()


def test_a_failed_attempt_starts_the_pause_again(clock: HandClock, opened: Breaker) -> None:
    """At once, not after five of them."""
    clock.advance(OPEN_S)
    assert opened.admits()
    assert opened.failed()
    clock.advance(OPEN_S - 1)
    assert not opened.admits()
