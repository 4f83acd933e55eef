"""Every caller's dialect against every provider's: one table.

The provider is a script written from the protocols' documentation, the caller a strict client written from them, and
both are held to the schemas that the vendors publish.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from mini_agent.core.errors import GatewayError, InvalidProviderResponse
from mini_agent.dialects import (
    Dialect,
    Reply,
    StreamTranslation,
    encode_error,
    translate_answer,
    translate_request,
)
from mini_agent.dialects.frames import failure, frames
from mini_agent.net.sse import SseReader
from support.dialect_listener import Heard, hear, listen, server_events
from support.dialect_requests import REQUESTS, TOPICS, says
from support.dialect_scripts import Call, Script, Thought, Words, error_body, failing, wire
from support.protocols import violations

PAIRS = [(caller, provider) for caller in Dialect for provider in Dialect]
pair = pytest.mark.parametrize(
    ("caller", "provider"), PAIRS, ids=[f"{caller}-{provider}" for caller, provider in PAIRS]
)

SCRIPTS = {
    "plain": Script((Words("Hello, wörld \U0001f600."),)),
    "two-texts": Script((Words("One. "), Words("Two."))),
    "empty": Script(()),
    "length": Script((Words("cut o"),), finish="length"),
    "filtered": Script((Words("no"),), finish="content_filter"),
    "thinking": Script((Thought("Let me see."), Words("42."))),
    "hidden-thinking": Script((Thought(""), Words("42."))),
    "tool": Script((Call("call_1", "look", '{"city":"Zürich","n":1.0}'),), finish="tool_calls"),
    "tool-without-arguments": Script((Call("call_1", "now", "{}"),), finish="tool_calls"),
    "parallel-tools": Script(
        (
            Thought("Both at once."),
            Words("I look."),
            Call("call_1", "look", '{"city": "Bern"}'),
            Call("call_2", "look", '{"city": "Genf", "deep": {"a": [1, null, true]}}'),
        ),
        finish="tool_calls",
    ),
}


def _expected(script: Script) -> Heard:
    texts = [part.text for part in script.parts if isinstance(part, Words)]
    thoughts = [part.text for part in script.parts if isinstance(part, Thought)]
    calls = [(part.id, part.name, json.loads(part.arguments)) for part in script.parts if isinstance(part, Call)]
    return Heard("".join(texts), "".join(thoughts), tuple(calls), script.finish, script.usage)


def _reply(caller: Dialect) -> Reply:
    body = REQUESTS["plain"](caller)
    if caller is Dialect.CHAT:
        body["stream_options"] = {"include_usage": True}
    return Reply(id="0123", created=1_700_000_000, request=translate_request(body, caller, caller).request, body=body)


def _translated(raw: bytes, caller: Dialect, provider: Dialect) -> bytes:
    stream, sse = StreamTranslation(caller, provider, _reply(caller)), SseReader()
    payloads = [*sse.feed(raw), *sse.finish()]
    told, failed = stream.feed(payloads)
    assert failed is None
    return frames(caller, told + stream.close())


@pair
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_whole_answer_says_the_same_to_every_caller(caller: Dialect, provider: Dialect, name: str) -> None:
    """Text, thought, calls, reason and every count of tokens arrive, in the caller's own form."""
    script = SCRIPTS[name]
    body = script.body(provider)
    assert violations(provider, "answer", body) == []
    answer = json.loads(translate_answer(json.dumps(body).encode(), caller, provider, _reply(caller)))
    assert hear(caller, answer) == _expected(script)


@pair
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_stream_says_the_same_to_every_caller(caller: Dialect, provider: Dialect, name: str) -> None:
    """Every event is of the caller's protocol, in its order, and together they say what the provider said."""
    script = SCRIPTS[name]
    events = script.events(provider)
    assert [
        found for event in events if event.get("type") != "ping" for found in violations(provider, "event", event)
    ] == []
    assert listen(caller, _translated(wire(provider, events), caller, provider)) == _expected(script)


@pair
@pytest.mark.parametrize("topic", TOPICS)
def test_a_request_says_the_same_to_every_provider(caller: Dialect, provider: Dialect, topic: str) -> None:
    """What a caller asks for is in the provider's body, in the provider's own form."""
    body = REQUESTS[topic](caller)
    assert violations(caller, "request", body) == []
    sent = translate_request(body, caller, provider).body
    assert violations(provider, "request", sent) == []
    for fact in TOPICS[topic]:
        assert says(provider, fact, sent), fact


@pair
def test_nothing_of_a_stream_is_held_back(caller: Dialect, provider: Dialect) -> None:
    """Each piece of text that the provider sends is on its way before the next one comes."""
    script = Script((Words("abcdefghijkl"),), cut=1)
    stream = StreamTranslation(caller, provider, _reply(caller))
    heard = []
    for event in script.events(provider):
        written, _ = stream.feed([json.dumps(event).encode()])
        heard.append((json.dumps(event), written))
    deltas = [(event, written) for event, written in heard if '"delta"' in event and any(c in event for c in '"a""l"')]
    letters = [
        letter for letter in "abcdefghijkl" if any(f'"{letter}"'.encode() in b"".join(written) for _, written in deltas)
    ]
    assert letters == list("abcdefghijkl")


@pair
def test_a_failure_in_mid_stream_is_told_in_the_caller_s_own_way(caller: Dialect, provider: Dialect) -> None:
    """The provider's error ends the stream as an error of the caller's protocol; what came before it stays."""
    events = Script((Words("half an ans"),)).events(provider)
    upto = next(at for at, event in enumerate(events) if '"half' in json.dumps(event))
    stream = StreamTranslation(caller, provider, _reply(caller))
    failed = failing(provider, "we are overloaded")
    written, error = stream.feed(json.dumps(event).encode() for event in [*events[: upto + 1], failed])
    assert error is not None
    assert error.status >= 500
    envelope = {"error": {"message": error.message, "type": error.type, "code": error.code, "request_id": "req-1"}}
    written += failure(caller, envelope, error.status, written[0], written[-1])
    told = server_events(caller, frames(caller, written))
    match caller:
        case Dialect.CHAT:
            assert told[-1] == envelope
        case Dialect.MESSAGES:
            assert violations(caller, "error", told[-1]) == []
            assert told[-1]["error"]["message"] == "we are overloaded"
        case Dialect.RESPONSES:
            assert [event["sequence_number"] for event in told] == list(range(len(told)))
            assert [event["type"] for event in told[-2:]] == ["error", "response.failed"]
            assert [violations(caller, "event", event) for event in told] == [[]] * len(told)
            assert told[-1]["response"]["error"] == {"code": "server_error", "message": "we are overloaded"}


@pair
def test_a_stream_that_breaks_off_is_no_answer(caller: Dialect, provider: Dialect) -> None:
    """Without the provider's own end nothing calls the answer complete."""
    events = Script((Words("half an ans"),)).events(provider)
    upto = next(at for at, event in enumerate(events) if '"half' in json.dumps(event))
    stream = StreamTranslation(caller, provider, _reply(caller))
    for event in events[: upto + 1]:
        stream.feed([json.dumps(event).encode()])
    with pytest.raises(InvalidProviderResponse, match="before its answer was complete"):
        stream.close()


@pair
def test_an_answer_that_is_none_is_refused(caller: Dialect, provider: Dialect) -> None:
    """Something else than an answer of the provider's dialect is an error, not an empty answer."""
    for raw in (b"", b"[]", b"{}", b"<html>", b'{"error": {"message": "no"}}'):
        with pytest.raises(GatewayError):
            translate_answer(raw, caller, provider, _reply(caller))


@pair
def test_a_thought_comes_back_to_its_provider_unchanged(caller: Dialect, provider: Dialect) -> None:
    """A caller that sends an answer back as it got it gives the provider its own thought, signature and all."""
    script = SCRIPTS["parallel-tools"]
    raw = json.dumps(script.body(provider)).encode()
    answer = json.loads(translate_answer(raw, caller, provider, _reply(caller)))
    said = {
        Dialect.CHAT: lambda: [answer["choices"][0]["message"]],
        Dialect.MESSAGES: lambda: [{"role": "assistant", "content": answer["content"]}],
        Dialect.RESPONSES: lambda: answer["output"],
    }[caller]()
    _assert_thought_returns(caller, provider, said, script)


@pair
def test_a_streamed_thought_comes_back_to_its_provider_unchanged(caller: Dialect, provider: Dialect) -> None:
    """The same for a caller that got it in pieces."""
    script = SCRIPTS["parallel-tools"]
    told = server_events(caller, _translated(wire(provider, script.events(provider)), caller, provider))
    if caller is Dialect.RESPONSES:
        said: list[dict[str, Any]] = told[-1]["response"]["output"]
    else:
        said = [_assembled(caller, told)]
    _assert_thought_returns(caller, provider, said, script)


def _assembled(caller: Dialect, told: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the thought of a stream as a client keeps it."""
    if caller is Dialect.CHAT:
        deltas = [event["choices"][0]["delta"] for event in told if event["choices"]]
        message: dict[str, Any] = {"role": "assistant", "content": "x"}
        if text := "".join(delta.get("reasoning_content", "") for delta in deltas):
            message["reasoning_content"] = text
        if blocks := [block for delta in deltas for block in delta.get("thinking_blocks", ())]:
            message["thinking_blocks"] = blocks
        return message
    deltas = [event["delta"] for event in told if event["type"] == "content_block_delta"]
    thinking = "".join(delta.get("thinking", "") for delta in deltas)
    signature = "".join(delta.get("signature", "") for delta in deltas)
    return {"role": "assistant", "content": [{"type": "thinking", "thinking": thinking, "signature": signature}]}


def _assert_thought_returns(caller: Dialect, provider: Dialect, said: list[dict[str, Any]], script: Script) -> None:
    body = REQUESTS["plain"](caller)
    conversation = "input" if caller is Dialect.RESPONSES else "messages"
    body[conversation] = [{"role": "user", "content": "hi"}, *said]
    sent = translate_request(body, caller, provider)
    assert sent.dropped == ()
    match provider:
        case Dialect.CHAT:
            assert sent.body["messages"][1]["reasoning_content"] == "Both at once."
        case Dialect.MESSAGES:
            assert sent.body["messages"][1]["content"][0] == script.body(provider)["content"][0]
        case Dialect.RESPONSES:
            (item,) = [item for item in sent.body["input"] if item.get("type") == "reasoning"]
            assert item == script.body(provider)["output"][0]


@pytest.mark.parametrize("caller", Dialect)
def test_an_error_is_written_in_the_caller_s_envelope(caller: Dialect) -> None:
    """Each dialect has its own envelope, Anthropic's its own types."""
    envelope = {"error": {"message": "slow down", "type": "rate_limit_error", "code": "c", "request_id": "req-1"}}
    body = encode_error(caller, envelope, 429)
    if caller is Dialect.MESSAGES:
        assert body == {**error_body(caller, "slow down", "rate_limit_error"), "request_id": "req-1"}
        assert violations(caller, "error", body) == []
    else:
        assert body == envelope


@pytest.mark.parametrize("caller", Dialect)
def test_the_sequence_that_stopped_an_answer_is_named_where_it_can_be(caller: Dialect) -> None:
    """Anthropic's callers learn which of their stop sequences was met; to the others it is an ordinary stop."""
    script = replace(SCRIPTS["plain"], finish="stop_sequence", sequence="END")
    for provider in (Dialect.CHAT, Dialect.MESSAGES):
        raw = json.dumps(script.body(provider)).encode()
        heard = hear(caller, json.loads(translate_answer(raw, caller, provider, _reply(caller))))
        streamed = listen(caller, _translated(wire(provider, script.events(provider)), caller, provider))
        named = caller is Dialect.MESSAGES
        assert (heard.finish, heard.sequence) == (("stop_sequence", "END") if named else ("stop", None))
        assert streamed == heard
