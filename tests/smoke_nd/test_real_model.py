"""With ND_REAL every shard meets the real model through the lane's gateway, and nothing canned."""

from __future__ import annotations

import os
import secrets

import pytest

from greenlane.plugin.samples import Sample
from support.real_model import RealModel

pytestmark = pytest.mark.needs("model")

EVERY_SHARD = [pytest.param(shard, marks=pytest.mark.shard(shard)) for shard in ("shard_a", "shard_b")]


@pytest.mark.parametrize("shard", EVERY_SHARD)
@pytest.mark.samples(6, at_least=3)
def test_the_answer_is_the_models_own(model: RealModel, shard: str, sample: Sample) -> None:
    """To a question that nobody can have known, the gateway gives word for word what the model itself says.

    Beside other questions the model computes in another order, and now and then rounds to another word.
    """
    name = os.environ["ND_MODEL"].partition("/")[2]
    prompt = f"Tell me about {('a red fox', 'an old ship')[sample.number % 2]} called {secrets.token_hex(3)}."
    through = model.ask(prompt, temperature=0, seed=1)
    assert through.text == model.itself(prompt, name, temperature=0, seed=1).text
    assert through.text.strip()


@pytest.mark.shard("shard_a")
@pytest.mark.parametrize("name", ["dummy", "noop", "dummy-1"])
def test_dummies_are_refused(model: RealModel, name: str) -> None:
    """In block mode a dummy model is refused though the gate is open, while the model answers."""
    refused = model.gateway.chat("what is the capital of France?", model=name)
    assert refused.status in (400, 404), refused.body
    assert name in refused.error["message"]
    assert model.ask(f"Say a word about number {secrets.randbelow(1000)}.").text
