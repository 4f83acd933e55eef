"""Many at once on a real model: conversations stay apart, and who goes away leaves nothing running."""

from __future__ import annotations

import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.real_model import GROUP, RealModel, Said, said

pytestmark = [pytest.mark.needs("model"), pytest.mark.shard("shard_a")]

MANY = 10
LONG = 1500
"""Tokens that would keep the model busy for many seconds."""


def own(number: int) -> dict[str, Any]:
    """Return one of ten conversations: its prompt has a length of its own, its answer can only be its own number."""
    shape = {"type": "object", "properties": {"number": {"const": number}}, "required": ["number"]}
    messages = [
        {"role": "user", "content": f"We speak of {number}." + " Yes." * number},
        {"role": "assistant", "content": "Of that we speak."},
        {"role": "user", "content": "Which number was it?"},
    ]
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": shape}}
    # Its grammar allows spaces and line breaks at five places: this is enough for all, and temperature 0 takes few.
    return {"model": GROUP, "messages": messages, "max_tokens": 150, "temperature": 0, "response_format": form}


def test_ten_conversations_do_not_mix(model: RealModel) -> None:
    """Ten at once get each the answer to their own question, which cost what their own prompt costs."""

    def talk(number: int) -> Said:
        return said(model.gateway.post("/v1/chat/completions", own(number)))

    with ThreadPoolExecutor(MANY) as pool:
        answers = list(pool.map(talk, range(MANY)))
    for number, answer in enumerate(answers):
        assert json.loads(answer.text) == {"number": number}
        model.show(json.dumps(own(number)["messages"]), answer)
    costs = [answer.usage["prompt_tokens"] for answer in answers]
    steps = {after - before for before, after in itertools.pairwise(costs)}
    assert costs == sorted(costs), costs
    assert len(set(costs)) == MANY, costs
    assert len(steps) == 1, costs
    assert len({answer.request for answer in answers}) == MANY


def test_cancellation_frees_the_model(model: RealModel) -> None:
    """Clients that go away in the middle of long answers leave the model free for the next question."""
    body = {"model": GROUP, "messages": [{"role": "user", "content": "Count from 1 to 5000, each number in words."}]}
    before = time.monotonic()
    model.ask("Say a word about a bird.", max_tokens=8)
    usual = time.monotonic() - before
    for _ in range(4):
        connection = model.gateway.open_stream({**body, "stream": True, "max_tokens": LONG})
        assert connection.getresponse().read(1)
        connection.close()
    before = time.monotonic()
    answer = model.ask("Say a word about a fish.", max_tokens=8)
    assert answer.text
    # Four answers of 1500 tokens would hold it up a hundred times as long as one of 8.
    assert time.monotonic() - before < 20 * usual + 2
