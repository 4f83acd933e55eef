"""Streams of servers that do not stream as the documentation does, and what a caller sees of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from mini_agent.core.errors import BudgetExceeded, ContextLengthExceeded, GatewayError, RateLimited, ServiceUnavailable
from mini_agent.dialects import (
    Dialect,
    Reply,
    StreamTranslation,
    error_of,
    read_error,
    translate_answer,
    translate_request,
)
from mini_agent.dialects.frames import PINGS, frames
from support.dialect_listener import Heard, listen, server_events
from support.dialect_requests import REQUESTS
from support.dialect_scripts import Script, Words

CHAT, MESSAGES, RESPONSES = Dialect


def _reply(caller: Dialect, **parameters: Any) -> Reply:
    body = {**REQUESTS["plain"](caller), **parameters}
    return Reply(id="0123", created=1, request=translate_request(body, caller, caller).request, body=body)


def _told(events: Iterable[Any], caller: Dialect, provider: Dialect, **parameters: Any) -> bytes:
    stream = StreamTranslation(caller, provider, _reply(caller, **parameters))
    payloads = [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events]
    told, failed = stream.feed(payloads)
    if failed is not None:
        raise failed
    return frames(caller, told + stream.close())


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def _piece(index: int | None, call_id: str | None, name: str | None, arguments: Any) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    members = {"index": index, "id": call_id, "function": function}
    return {key: value for key, value in members.items() if value is not None}


def _hear_calls(*pieces: list[dict[str, Any]], caller: Dialect = MESSAGES) -> tuple[tuple[str, str, Any], ...]:
    events: list[Any] = [_chunk({"tool_calls": given}) for given in pieces]
    return listen(caller, _told([*events, _chunk({}, "tool_calls"), b"[DONE]"], caller, CHAT)).calls


LOOK = ("call_1", "look", {"a": 1})
OTHER = ("call_2", "other", {"b": 2})


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param(
            [[_piece(0, "call_1", "look", '{"a": 1}'), _piece(1, "call_2", "other", '{"b": 2}')]], id="at-once"
        ),
        pytest.param([[_piece(0, "call_1", "look", {"a": 1})], [_piece(1, "call_2", "other", {"b": 2})]], id="objects"),
        pytest.param(
            [[_piece(0, "call_1", "look", '{"a": 1}')], [_piece(0, "call_2", "other", '{"b": 2}')]], id="one-index"
        ),
        pytest.param(
            [
                [_piece(None, "call_1", "look", '{"a":')],
                [_piece(None, None, None, " 1}")],
                [_piece(None, "call_2", "other", '{"b": 2}')],
            ],
            id="no-index",
        ),
        pytest.param(
            [
                [_piece(0, "call_1", "look", ""), _piece(1, "call_2", "other", "")],
                [_piece(0, None, None, '{"a"')],
                [_piece(1, None, None, '{"b": ')],
                [_piece(0, None, None, ": 1}")],
                [_piece(1, None, None, "2}")],
            ],
            id="interleaved",
        ),
        pytest.param(
            [
                [_piece(0, "call_1", None, "")],
                [_piece(0, "call_1", "look", '{"a": ')],
                [_piece(0, "call_1", None, "1}")],
                [_piece(1, "call_2", "other", '{"b": 2}')],
            ],
            id="late-name",
        ),
    ],
)
@pytest.mark.parametrize("caller", Dialect)
def test_calls_of_any_server_are_told_apart(caller: Dialect, pieces: list[list[dict[str, Any]]]) -> None:
    """However a server cuts, numbers or mixes its calls: two calls are two, each with its own arguments."""
    assert _hear_calls(*pieces, caller=caller) == (LOOK, OTHER)


@pytest.mark.parametrize("caller", Dialect)
def test_a_call_without_id_or_arguments_is_a_call(caller: Dialect) -> None:
    """An id is given to it, and no arguments are no arguments."""
    assert _hear_calls([_piece(0, None, "now", None)], caller=caller) == (("call_0", "now", {}),)


def test_calls_follow_each_other_as_long_as_the_provider_lets_them() -> None:
    """A block of Anthropic's is closed before the next begins, unless the provider writes two at once."""
    orderly = [_chunk({"tool_calls": [_piece(0, "a", "f", "{}")]}), _chunk({"tool_calls": [_piece(1, "b", "g", "{}")]})]
    told = server_events(MESSAGES, _told([*orderly, _chunk({}, "tool_calls"), b"[DONE]"], MESSAGES, CHAT))
    kinds = [event["type"].removeprefix("content_block_") for event in told[1:-2]]
    assert kinds == ["start", "delta", "stop", "start", "delta", "stop"]


def test_a_server_that_ends_calls_with_stop_has_called_tools() -> None:
    """Some say `stop` where they call: the reason is the calls."""
    events = [_chunk({"tool_calls": [_piece(0, "a", "f", "{}")]}), _chunk({}, "stop"), b"[DONE]"]
    assert listen(MESSAGES, _told(events, MESSAGES, CHAT)).finish == "tool_calls"


@pytest.mark.parametrize("member", ["reasoning", "reasoning_content"])
def test_thoughts_by_either_name(member: str) -> None:
    """Servers of chat have two names for them; both come back under the name they had."""
    events = [_chunk({member: "hm"}), _chunk({"content": "x"}), _chunk({}, "stop"), b"[DONE]"]
    raw = _told(events, MESSAGES, CHAT)
    assert listen(MESSAGES, raw).thought == "hm"
    signature = next(
        event["delta"]["signature"] for event in server_events(MESSAGES, raw) if "signature" in event.get("delta", {})
    )
    body = REQUESTS["plain"](MESSAGES)
    thinking = {"type": "thinking", "thinking": "hm", "signature": signature}
    body["messages"].append({"role": "assistant", "content": [thinking, {"type": "text", "text": "x"}]})
    assert translate_request(body, MESSAGES, CHAT).body["messages"][1] == {
        "role": "assistant",
        "content": "x",
        member: "hm",
    }


def test_signed_blocks_of_a_chat_proxy_come_back_whole() -> None:
    """LiteLLM streams Anthropic's blocks in pieces; they are put together, signature and all."""
    block = {"type": "thinking", "thinking": "", "signature": None}
    events = [
        _chunk({"reasoning_content": "let ", "thinking_blocks": [{**block, "thinking": "let "}]}),
        _chunk({"reasoning_content": "me", "thinking_blocks": [{**block, "thinking": "me"}]}),
        _chunk({"reasoning_content": "", "thinking_blocks": [{**block, "signature": "sig"}]}),
        _chunk({"content": "x"}, "stop"),
        b"[DONE]",
    ]
    item = server_events(RESPONSES, _told(events, RESPONSES, CHAT))[-1]["response"]["output"][0]
    body = REQUESTS["plain"](RESPONSES)
    body["input"] = [{"role": "user", "content": "hi"}, item]
    message = translate_request(body, RESPONSES, CHAT).body["messages"][1]
    assert message["thinking_blocks"] == [{"type": "thinking", "thinking": "let me", "signature": "sig"}]
    assert message["reasoning_content"] == "let me"


@pytest.mark.parametrize("caller", Dialect)
def test_a_stream_ends_with_its_own_terminator(caller: Dialect) -> None:
    """A chat server that never gives a reason but says `[DONE]` has ended; usage in any chunk counts."""
    usage = {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}
    events = [{**_chunk({"content": "x"}), "usage": usage}, b"[DONE]"]
    options = {"stream_options": {"include_usage": True}} if caller is CHAT else {}
    heard = listen(caller, _told(events, caller, CHAT, **options))
    assert heard == Heard("x", "", (), "stop", (5, 1, 0, 0, 0))


def test_usage_is_told_to_a_chat_caller_that_asks_for_it_only() -> None:
    """Without the wish no chunk without choices comes, which older clients stumble over."""
    events = Script((Words("x"),)).events(MESSAGES)
    assert listen(CHAT, _told(events, CHAT, MESSAGES)).usage is None


def test_an_anthropic_caller_learns_at_the_start_what_was_read_where_the_provider_tells() -> None:
    """Counts of the start are those of the provider's start, the last ones cumulative."""
    told = server_events(MESSAGES, _told(Script((Words("x"),)).events(MESSAGES), MESSAGES, MESSAGES))
    assert told[0]["message"]["usage"]["input_tokens"] == 18
    assert told[-2]["usage"]["output_tokens"] == 12


def test_responses_that_come_only_when_they_are_complete() -> None:
    """A server that streams no deltas, no items or nothing but the end still says everything."""
    events = Script((Words("Hello"),)).events(RESPONSES)
    kinds = {
        "no-deltas": [event for event in events if not event["type"].endswith(".delta")],
        "no-parts": [event for event in events if "content_part" not in event["type"]],
        "done-only": [
            event for event in events if event["type"] in ("response.output_item.done", "response.completed")
        ],
        "end-only": events[-1:],
    }
    for name, given in kinds.items():
        assert listen(CHAT, _told(given, CHAT, RESPONSES)).text == "Hello", name


def test_summaries_in_parts_are_one_thought() -> None:
    """Two parts of a summary are told with a blank line between them, streamed as in whole."""
    item = {"id": "rs", "type": "reasoning", "summary": [{"type": "summary_text", "text": text} for text in ("a", "b")]}
    part = {"type": "response.reasoning_summary_part.added", "output_index": 0}
    delta = {"type": "response.reasoning_summary_text.delta", "output_index": 0}
    end = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [item]}}
    events = [
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "summary": []}},
        {**part, "summary_index": 0},
        {**delta, "summary_index": 0, "delta": "a"},
        {**part, "summary_index": 1},
        {**delta, "summary_index": 1, "delta": "b"},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        end,
    ]
    assert listen(MESSAGES, _told(events, MESSAGES, RESPONSES)).thought == "a\n\nb"
    whole = {"id": "r", "object": "response", "model": "m", "status": "completed", "output": [item]}
    answer = json.loads(translate_answer(json.dumps(whole).encode(), MESSAGES, RESPONSES, _reply(MESSAGES)))
    assert answer["content"][0]["thinking"] == "a\n\nb"


def test_citations_and_log_probabilities_cross_between_openai_s_dialects() -> None:
    """Both are in both, streamed and whole, in different members."""
    entry = {"token": "x", "bytes": [120], "logprob": -0.5, "top_logprobs": []}
    note = {
        "type": "url_citation",
        "url_citation": {"start_index": 0, "end_index": 1, "title": "t", "url": "https://e.org"},
    }
    choice = {
        "index": 0,
        "delta": {"content": "x"},
        "logprobs": {"content": [entry], "refusal": None},
        "finish_reason": None,
    }
    events = [
        {"id": "c", "model": "m", "choices": [choice]},
        _chunk({"annotations": [note]}),
        _chunk({}, "stop"),
        b"[DONE]",
    ]
    raw = _told(events, RESPONSES, CHAT)
    listen(RESPONSES, raw)
    told = server_events(RESPONSES, raw)
    text = told[-1]["response"]["output"][0]["content"][0]
    assert text["annotations"] == [{"type": "url_citation", **note["url_citation"]}]
    assert text["logprobs"] == [entry]
    back = _told(told, CHAT, RESPONSES)
    listen(CHAT, back)
    deltas = [event["choices"][0] for event in server_events(CHAT, back)]
    assert [delta["logprobs"]["content"] for delta in deltas if delta["logprobs"]] == [[{**entry, "bytes": None}]]
    assert [delta["delta"]["annotations"] for delta in deltas if "annotations" in delta["delta"]] == [[note]]
    whole = json.dumps(told[-1]["response"]).encode()
    message = json.loads(translate_answer(whole, CHAT, RESPONSES, _reply(CHAT)))["choices"][0]
    assert message["message"]["annotations"] == [note]
    assert message["logprobs"]["content"] == [entry]


def test_refusals() -> None:
    """OpenAI's dialects have a part for them; Anthropic's caller reads the text and the reason."""
    events = [_chunk({"refusal": "I can"}), _chunk({"refusal": "not."}), _chunk({}, "stop"), b"[DONE]"]
    heard = listen(MESSAGES, _told(events, MESSAGES, CHAT))
    assert (heard.text, heard.finish) == ("I cannot.", "content_filter")
    raw = _told(events, RESPONSES, CHAT)
    listen(RESPONSES, raw)
    told = server_events(RESPONSES, raw)
    assert told[-1]["response"]["output"][0]["content"] == [{"type": "refusal", "refusal": "I cannot."}]
    chat = server_events(CHAT, _told(told, CHAT, RESPONSES))
    assert "".join(event["choices"][0]["delta"].get("refusal") or "" for event in chat) == "I cannot."


def test_a_hidden_thought_is_a_block_that_comes_back() -> None:
    """Redacted thinking has nothing to read and is kept all the same."""
    block = {"type": "redacted_thinking", "data": "c2VjcmV0"}
    events = [
        {
            "type": "message_start",
            "message": {"id": "m", "model": "m", "usage": {"input_tokens": 1, "output_tokens": 1}},
        },
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ]
    item = server_events(RESPONSES, _told(events, RESPONSES, MESSAGES))[-1]["response"]["output"][0]
    body = REQUESTS["plain"](RESPONSES)
    body["input"] = [{"role": "user", "content": "hi"}, item]
    assert translate_request(body, RESPONSES, MESSAGES).body["messages"][1]["content"] == [block]
    same = server_events(MESSAGES, _told(events, MESSAGES, MESSAGES))
    assert [event["content_block"] for event in same if event["type"] == "content_block_start"] == [block]


@pytest.mark.parametrize(
    ("event", "kind", "words"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, ServiceUnavailable, "Overloaded"),
        ({"type": "rate_limit_error", "message": "slow"}, RateLimited, "slow"),
        (
            {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 maximum"},
            ContextLengthExceeded,
            "too",
        ),
        ({"type": "insufficient_quota", "code": "insufficient_quota", "message": "pay"}, BudgetExceeded, "pay"),
        ({"code": "context_length_exceeded", "message": "m"}, ContextLengthExceeded, "m"),
        ("gone", GatewayError, "gone"),
        (None, GatewayError, "the provider reported an error"),
    ],
)
def test_errors_of_every_dialect_are_told_apart(event: Any, kind: type[GatewayError], words: str) -> None:
    """Overload, rate, quota and length are what they are, whichever protocol names them."""
    error = error_of(read_error(event))
    assert isinstance(error, kind)
    assert words in error.message
    assert error.quoted


def test_a_failed_response_is_an_error_and_no_answer() -> None:
    """Responses says so with status 200."""
    failed = {
        "id": "r",
        "object": "response",
        "status": "failed",
        "error": {"code": "rate_limit_exceeded", "message": "slow"},
    }
    with pytest.raises(RateLimited, match="slow"):
        translate_answer(json.dumps(failed).encode(), CHAT, RESPONSES, _reply(CHAT))


def test_signs_of_life() -> None:
    """Anthropic's protocol has one of its own; the others' clients pass over a comment."""
    assert PINGS[MESSAGES] == b'event: ping\ndata: {"type":"ping"}\n\n'
    assert PINGS[CHAT] == PINGS[RESPONSES] == b": keep-alive\n\n"


def test_a_response_repeats_what_was_asked() -> None:
    """Its clients read their own parameters back; what they did not say is said as the protocol has it."""
    tool = {"type": "function", "name": "look", "parameters": {"type": "object"}}
    asked = {
        "temperature": 0.5,
        "metadata": {"a": "b"},
        "tools": [tool],
        "text": {"verbosity": "low"},
        "instructions": "rhyme",
    }
    told = server_events(RESPONSES, _told([*Script((Words("x"),)).events(CHAT), b"[DONE]"], RESPONSES, CHAT, **asked))
    for response in (told[0]["response"], told[-1]["response"]):
        assert (response["temperature"], response["metadata"], response["instructions"]) == (0.5, {"a": "b"}, "rhyme")
        assert response["tools"] == [{**tool, "strict": False}]
        assert response["text"] == {"format": {"type": "text"}, "verbosity": "low"}
        assert (response["top_p"], response["parallel_tool_calls"], response["tool_choice"]) == (1.0, True, "auto")
