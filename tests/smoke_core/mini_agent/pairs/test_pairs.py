"""One table: caller's dialect by provider's dialect by mode, over HTTP, as users meet it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mini_agent.dialects import Dialect
from support.dialect_listener import Heard, hear, listen, server_events
from support.dialect_requests import REQUESTS, TOPICS, says
from support.dialect_scripts import Call, Script, Thought, Words, error_body, failing, speak, wire
from support.dialect_world import ASKED, MODES, PATH, SCRIPTS, STRANGE, DialectWorld
from support.protocols import violations
from support.upstream import answer, pieces

CHAT, MESSAGES, RESPONSES = Dialect
TABLE = [(mode, caller, provider) for mode in MODES for caller in Dialect for provider in Dialect]
table = pytest.mark.parametrize(("mode", "caller", "provider"), TABLE, ids=["-".join(row) for row in TABLE])


def _expected(script: Script) -> Heard:
    texts = "".join(part.text for part in script.parts if isinstance(part, Words))
    thoughts = "".join(part.text for part in script.parts if isinstance(part, Thought))
    calls = tuple((part.id, part.name, json.loads(part.arguments)) for part in script.parts if isinstance(part, Call))
    return Heard(texts, thoughts, calls, script.finish, script.usage)


def _usage(caller: Dialect) -> dict[str, Any]:
    return {"stream_options": {"include_usage": True}} if caller is CHAT else {}


@table
@pytest.mark.parametrize("name", SCRIPTS)
def test_answers(world: DialectWorld, mode: str, caller: Dialect, provider: Dialect, name: str) -> None:
    """A whole answer says the same to every caller, whoever gave it, in either mode."""
    world.provider.script(speak(SCRIPTS[name]))
    reply = world.ask(mode, caller, provider, world.plain(caller))
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert hear(caller, reply.json()) == _expected(SCRIPTS[name])
    assert [seen.path for seen in world.provider.requests] == [PATH[provider]]


@table
@pytest.mark.parametrize("name", SCRIPTS)
def test_streams(world: DialectWorld, mode: str, caller: Dialect, provider: Dialect, name: str) -> None:
    """So does a stream, with the events of the caller's protocol in their order."""
    world.provider.script(speak(SCRIPTS[name]))
    reply = world.ask(mode, caller, provider, world.plain(caller, stream=True, **_usage(caller)))
    assert (reply.status, reply.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert listen(caller, reply.body) == _expected(SCRIPTS[name])
    assert len(world.provider.requests) == 1


@table
@pytest.mark.parametrize("topic", ASKED)
def test_requests(world: DialectWorld, mode: str, caller: Dialect, provider: Dialect, topic: str) -> None:
    """What a caller asks for is in the provider's own words in what the provider gets."""
    world.provider.script(speak(SCRIPTS["plain"]))
    assert world.ask(mode, caller, provider, REQUESTS[topic](caller)).status == 200
    (seen,) = world.provider.requests
    assert violations(provider, "request", seen.body) == []
    for fact in TOPICS[topic]:
        assert says(provider, fact, seen.body), fact


@table
def test_refusals(world: DialectWorld, mode: str, caller: Dialect, provider: Dialect) -> None:
    """A provider's refusal keeps status, text and time to wait, in the envelope of the caller."""
    kind = "rate_limit_error" if provider is MESSAGES else "rate_limit_exceeded"
    body = json.dumps(error_body(provider, "slow down, please", kind)).encode()
    for stream in (False, True):
        world.provider.script(answer(body, 429, {"retry-after": "7"}))
        reply = world.ask(mode, caller, provider, world.plain(caller, stream=stream))
        assert (reply.status, reply.headers["retry-after"]) == (429, "7")
        error = reply.json()["error"]
        assert (error["type"], error["message"]) == ("rate_limit_error", "slow down, please")
        if caller is MESSAGES:
            assert violations(caller, "error", reply.json()) == []
            assert reply.json()["request_id"] == reply.headers["x-request-id"]
        else:
            assert error["code"] == "rate_limit_exceeded"


@table
def test_failures_in_mid_stream(world: DialectWorld, mode: str, caller: Dialect, provider: Dialect) -> None:
    """What was said stays said; then comes an error of the caller's protocol, and nothing that looks like an end."""
    events = Script((Words("half an answer"),)).events(provider)
    upto = next(at for at, event in enumerate(events) if '"half' in json.dumps(event))
    begun = wire(provider, events[: upto + 1], done=False)
    world.provider.script(pieces(begun, wire(provider, [failing(provider, "we are overloaded")], done=False)))
    reply = world.ask(mode, caller, provider, world.plain(caller, stream=True))
    _assert_failed(caller, reply.body, "overloaded")


@table
def test_streams_that_break_off(world: DialectWorld, mode: str, caller: Dialect, provider: Dialect) -> None:
    """A connection that ends before the answer does is such a failure too."""
    events = Script((Words("half an answer"),)).events(provider)
    upto = next(at for at, event in enumerate(events) if '"half' in json.dumps(event))
    world.provider.script(pieces(wire(provider, events[: upto + 1], done=False)))
    reply = world.ask(mode, caller, provider, world.plain(caller, stream=True))
    _assert_failed(caller, reply.body, "ended before")


def _assert_failed(caller: Dialect, raw: bytes, words: str) -> None:
    told = server_events(caller, raw)
    assert "half" in json.dumps(told[:-1])
    match caller:
        case Dialect.CHAT:
            assert words in told[-1]["error"]["message"]
            assert all(choice["finish_reason"] is None for event in told[:-1] for choice in event["choices"])
        case Dialect.MESSAGES:
            assert violations(caller, "error", told[-1]) == []
            assert words in told[-1]["error"]["message"]
            assert "message_stop" not in {event["type"] for event in told}
        case Dialect.RESPONSES:
            assert [event["sequence_number"] for event in told] == list(range(len(told)))
            assert [event["type"] for event in told[-2:]] == ["error", "response.failed"]
            assert violations(caller, "event", told[-2]) == violations(caller, "event", told[-1]) == []
            assert words in told[-1]["response"]["error"]["message"]


@table
def test_answers_that_are_none(world: DialectWorld, mode: str, caller: Dialect, provider: Dialect) -> None:
    """Something else than the provider's protocol is a 502 before anything is sent."""
    for raw in (b"<html>", b"[]", b'{"hello": 1}'):
        for stream in (False, True):
            world.provider.script(answer(raw))
            reply = world.ask(mode, caller, provider, world.plain(caller, stream=stream))
            assert reply.status == 502
            assert reply.json()["error"]["type"] == "api_error"


@table
def test_what_cannot_be_said(world: DialectWorld, mode: str, caller: Dialect, provider: Dialect) -> None:
    """An unknown parameter reaches its own dialect; towards another it is a 400 by name, and nobody is asked."""
    world.provider.script(speak(SCRIPTS["plain"]))
    reply = world.ask(mode, caller, provider, world.plain(caller, min_p=0.1))
    if caller is provider:
        assert reply.status == 200
        assert world.provider.requests[0].body["min_p"] == 0.1
    else:
        assert reply.status == 400
        assert "'min_p' cannot be expressed in" in reply.json()["error"]["message"]
        assert world.provider.requests == []


@table
def test_nothing_is_lost_in_silence(world: DialectWorld, mode: str, caller: Dialect, provider: Dialect) -> None:
    """Whatever a caller adds reaches its own dialect as it is; towards another it is there, refused or named."""
    for name, value in STRANGE.items():
        world.provider.script(speak(SCRIPTS["plain"]))
        reply = world.ask(mode, caller, provider, world.plain(caller, **{name: value}))
        asked = [seen.body for seen in world.provider.requests]
        if caller is provider:
            assert (reply.status, asked[0][name]) == (200, value), name
        elif reply.status == 400:
            assert (reply.json()["error"].get("code", "unsupported_parameter"), asked) == ("unsupported_parameter", [])
            assert f"'{name}'" in reply.json()["error"]["message"]
        else:
            named = name in reply.headers.get("x-mini-agent-dropped", "").split(", ")
            assert named != (json.dumps(value) in json.dumps(asked[0])), name


@table
def test_what_is_dropped_is_named(world: DialectWorld, mode: str, caller: Dialect, provider: Dialect) -> None:
    """A header of the answer says what a rule has dropped."""
    world.provider.script(speak(SCRIPTS["plain"]))
    dropped = {
        CHAT: ({"prediction": {"type": "content", "content": "x"}}, "prediction"),
        MESSAGES: ({"speed": "fast"}, "speed"),
        RESPONSES: ({"client_metadata": {"a": "b"}}, "client_metadata"),
    }[caller]
    for stream in (False, True):
        reply = world.ask(mode, caller, provider, world.plain(caller, stream=stream, **dropped[0]))
        assert reply.status == 200
        assert reply.headers.get("x-mini-agent-dropped") == (None if caller is provider else dropped[1])


@table
def test_thoughts_come_back(world: DialectWorld, mode: str, caller: Dialect, provider: Dialect) -> None:
    """A caller that sends back what it got gives the provider its own thought unchanged, whoever it is."""
    script = Script((Thought("Hm."), Call("call_1", "look", "{}")), finish="tool_calls")
    world.provider.script(speak(script))
    got = world.ask(mode, caller, provider, world.plain(caller)).json()
    body = world.plain(caller)
    result: dict[str, Any]
    match caller:
        case Dialect.CHAT:
            result = {"role": "tool", "tool_call_id": "call_1", "content": "x"}
            body["messages"] += [got["choices"][0]["message"], result]
        case Dialect.MESSAGES:
            result = {"type": "tool_result", "tool_use_id": "call_1", "content": "x"}
            body["messages"] += [
                {"role": "assistant", "content": got["content"]},
                {"role": "user", "content": [result]},
            ]
        case Dialect.RESPONSES:
            result = {"type": "function_call_output", "call_id": "call_1", "output": "x"}
            body["input"] += [*got["output"], result]
    reply = world.ask(mode, caller, provider, body)
    assert (reply.status, reply.headers.get("x-mini-agent-dropped")) == (200, None)
    sent = json.dumps(world.provider.requests[0].body)
    own = script.body(provider)
    thought = {
        CHAT: lambda: {"reasoning_content": "Hm."},
        MESSAGES: lambda: own["content"][0],
        RESPONSES: lambda: own["output"][0],
    }[provider]()
    assert json.dumps(thought)[1:-1] in sent
