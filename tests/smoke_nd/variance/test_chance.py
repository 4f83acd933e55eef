"""What a gateway must pass on of chance: seeds and temperature."""

from __future__ import annotations

import pytest

from greenlane.plugin.samples import Sample
from support.real_model import RealModel

pytestmark = [pytest.mark.needs("model"), pytest.mark.shard("shard_b")]

PROMPT = "Invent a name for a small blue boat, and say why."
OTHER = "Invent a name for a big grey cat, and say why."


@pytest.mark.samples(6, at_least=3)
def test_a_seed_repeats(model: RealModel, sample: Sample) -> None:
    """The same seed gives the same answer, though the temperature is high. Batches of others may change a rounding."""
    first, second = (model.ask(PROMPT, seed=sample.seed, temperature=1.0) for _ in range(2))
    assert first.text == second.text
    assert model.ask(OTHER, seed=sample.seed).text != first.text


def test_seeds_differ(model: RealModel) -> None:
    """Four seeds give at least three answers."""
    answers = {model.ask(PROMPT, seed=seed, temperature=1.0).text for seed in (1, 2, 3, 4)}
    assert len(answers) >= 3
    model.ask(OTHER)


@pytest.mark.samples(6, at_least=3)
def test_temperature_zero_repeats(model: RealModel, sample: Sample) -> None:
    """At temperature 0 an answer repeats without a seed."""
    prompt = f"{PROMPT} It is number {sample.number}."
    assert model.ask(prompt, temperature=0).text == model.ask(prompt, temperature=0).text


def test_a_high_temperature_varies(model: RealModel) -> None:
    """At temperature 1 five answers without a seed are not one and the same, nor nearly so."""
    assert len({model.ask(PROMPT, temperature=1.0).text for _ in range(5)}) >= 4
    model.ask(OTHER)
