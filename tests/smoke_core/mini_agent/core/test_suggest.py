"""The name that was meant is proposed in every process alike."""

from __future__ import annotations

import pytest

from mini_agent.core.suggest import did_you_mean

MANY = [f"{letter}{number:03}{'x' * (number % 5)}" for number in range(85) for letter in "qz"]


@pytest.mark.parametrize("place", [0, 85, 170])
def test_the_nearest_of_many_is_found_wherever_it_stands(place: int) -> None:
    """A table of providers is a set, whose order each process draws anew."""
    assert did_you_mean("opnai", [*MANY[:place], "openai", *MANY[place:]]) == "; did you mean 'openai'?"


@pytest.mark.parametrize("word", ["openai", "x" * 65, "entirely-other"])
def test_what_is_near_to_nothing_proposes_nothing(word: str) -> None:
    """The word itself, a very long one, and one that is like none."""
    assert did_you_mean(word, ["openai"]) == ""
