"""What a gateway must keep of a real model's answers: their structure, their count of tokens, and where they end."""

from __future__ import annotations

import json

import pytest

from greenlane.plugin.samples import Sample
from support.real_model import TOKENS, RealModel

pytestmark = [pytest.mark.needs("model"), pytest.mark.shard("shard_b")]

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
TOPICS = ("a red fox", "an old ship", "a tall tree", "a cold lake")


@pytest.mark.samples(3)
def test_streamed_and_plain_agree_in_structure(model: RealModel, sample: Sample) -> None:
    """The same question, plain and streamed: both from the model, with the same cost of the prompt, ended alike."""
    prompt = f"Tell me about {TOPICS[sample.number % len(TOPICS)]}."
    plain, stream = model.ask(prompt), model.ask(prompt, stream=True)
    assert stream.chunks > 3
    assert plain.model == stream.model
    assert plain.request != stream.request
    assert plain.usage["prompt_tokens"] == stream.usage["prompt_tokens"]
    for answer in (plain, stream):
        assert answer.text.strip()
        assert answer.tokens <= TOKENS
        assert answer.finish == "stop" or (answer.finish, answer.tokens) == ("length", TOKENS)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_usage_adds_up(model: RealModel, stream: bool) -> None:
    """Prompt and answer make the total, and a longer prompt costs more."""
    short, long = (model.ask(f"Say a word about {what}.", stream=stream) for what in ("fox", "the quick brown old fox"))
    for answer in (short, long):
        assert answer.usage["total_tokens"] == answer.usage["prompt_tokens"] + answer.tokens
    assert long.usage["prompt_tokens"] > short.usage["prompt_tokens"]


@pytest.mark.parametrize("limit", [3, 6, 9])
def test_max_tokens_hold(model: RealModel, limit: int) -> None:
    """An answer costs no more than it may, and says when it was cut."""
    answer = model.ask(f"Tell a long story of {limit} ships.", max_tokens=limit)
    assert answer.tokens <= limit
    assert answer.finish == "stop" or (answer.finish, answer.tokens) == ("length", limit)


@pytest.mark.samples(6, at_least=3)
def test_stop_sequences_hold(model: RealModel, sample: Sample) -> None:
    """An answer ends before the first word that it may not say, wherever a seed would have put it."""
    prompt = f"Tell me about {TOPICS[sample.number % len(TOPICS)]}."
    free = model.ask(prompt, seed=sample.seed, temperature=0)
    stop = free.text.split()[3]
    bound = model.ask(prompt, seed=sample.seed, temperature=0, stop=[stop])
    assert stop not in bound.text
    assert bound.finish == "stop"
    assert free.text.startswith(bound.text)


@pytest.mark.samples(6, at_least=3)
def test_json_of_a_schema_parses(model: RealModel, sample: Sample) -> None:
    """With a JSON schema the answer is JSON with its keys and types, unless the tokens ran out."""
    shape = {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA, "strict": True}}
    answer = model.ask(f"Invent person {sample.number}.", seed=sample.seed, max_tokens=60, response_format=shape)
    person = json.loads(answer.text)
    assert set(person) == {"name", "age"}
    assert (type(person["name"]), type(person["age"])) == (str, int)
