"""A streamed chat, put together: from servers that keep to the protocol, and from others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mini_agent.stored.chunks import CompletionBuilder
from support.upstream import chunk, finish_chunk, usage_chunk


def built(*chunks: Any, limit: int = 10_000) -> Any:
    """Returns: the completion of these chunks."""
    builder = CompletionBuilder(limit)
    for given in chunks:
        builder.feed(json.dumps(given).encode())
    return builder.built()


def choice(index: int, delta: Any, finish: str | None = None) -> dict[str, Any]:
    """Returns: a chunk with one choice."""
    return {**chunk({}), "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def test_pieces_of_texts_and_calls_become_whole_ones() -> None:
    """Names and ids stay, texts and arguments grow; what nobody here knows is kept."""
    calls = [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 1, "id": "c2", "type": "function", "function": {"name": "g", "arguments": "{"}},
        {"index": 0, "function": {"arguments": '{"a":1'}},
        {"index": 1, "function": {"arguments": "}"}},
        {"index": 0, "function": {"arguments": "}"}},
    ]
    deltas = [{"role": "assistant", "content": "a", "x": {"y": "1"}}, {"content": "b", "x": {"y": "2"}}]
    body = built(
        *map(chunk, [*deltas, *({"tool_calls": [call]} for call in calls)]), finish_chunk("tool_calls"), usage_chunk()
    )
    (answer,) = body["choices"]
    message = answer["message"]
    assert (message["content"], message["x"], answer["finish_reason"]) == ("ab", {"y": "12"}, "tool_calls")
    assert [call["function"] for call in message["tool_calls"]] == [
        {"name": "f", "arguments": '{"a":1}'},
        {"name": "g", "arguments": "{}"},
    ]
    assert (body["object"], body["usage"]["total_tokens"]) == ("chat.completion", 3)


def test_several_choices_are_told_apart() -> None:
    """Each has its own text and reason; without all reasons there is no completion."""
    begun = [choice(0, {"content": "a"}), choice(1, {"content": "x"}), choice(0, {"content": "b"}, "stop")]
    assert built(*begun) is None
    body = built(*begun, choice(1, {}, "length"))
    told = [(item["index"], item["message"]["content"], item["finish_reason"]) for item in body["choices"]]
    assert told == [(0, "ab", "stop"), (1, "x", "length")]


def test_a_stream_above_the_limit_is_not_kept() -> None:
    """Nothing of it stays in memory."""
    assert built(*[chunk({"content": "x" * 100})] * 9, finish_chunk(), limit=500) is None


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"choices": None},
        {"choices": [7, None]},
        {"choices": [{"delta": 7, "index": "x"}]},
        {"choices": [{"delta": {"tool_calls": ["x", None], "content": ["a"]}, "finish_reason": None}]},
        {"choices": [{"delta": {"tool_calls": [{"index": 0}, {"index": 0, "function": "x"}]}, "logprobs": []}]},
    ],
)
def test_what_no_protocol_has_does_no_harm(given: Any) -> None:
    """A server that writes nonsense in between is still understood."""
    body = built(chunk({"content": "a"}), given, finish_chunk())
    assert body["choices"][0]["finish_reason"] == "stop"
