"""`/agent/run` with `stream: true`: events in order, the usual body last; and a forced choice of tools."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mini_agent.agent.tool_values import function_spec
from mini_agent.app import Ports
from support.dialect_scripts import DIALECTS, Call, Script, Words, speak
from support.dialect_world import GROUP, entries
from support.gateway import Gateway, Stage
from support.hand_clock import HandClock
from support.http_client import Reply
from support.tool_host import Reply as ToolReply
from support.upstream import chunk, pieces, refuse, sse, text_stream

USER = [{"role": "user", "content": "do it"}]
LOOKUP = function_spec("lookup", "Look up.", {"q": {"type": "string"}})
CALLING = Script((Words("Let me look."), Call("c1", "lookup", '{"q": "x"}')), finish="tool_calls")
FOUND = Script((Words("It is there."),))


def run(gateway: Gateway, **fields: Any) -> Reply:
    """Returns: the answer of a streamed run of group `m1`."""
    return gateway.post("/agent/run", {"model": "m1", "messages": USER, "stream": True, **fields})


def events_of(reply: Reply) -> list[tuple[str, dict[str, Any]]]:
    """Returns: name and data of each event; comments are left out."""
    assert reply.headers["content-type"].startswith("text/event-stream")
    blocks = [block for block in reply.body.decode().split("\n\n") if block and not block.startswith(":")]
    pairs = [block.split("\n") for block in blocks]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in pairs]


@pytest.mark.parametrize("provider", DIALECTS)
def test_a_run_tells_of_turns_text_and_tools(stage: Stage, provider: str) -> None:
    """In the order in which they happen, whatever the provider speaks; the last event is the body of a plain run."""
    host = stage.tool_host([LOOKUP], ToolReply({"ok": True, "text": "found"}), ToolReply({"ok": True, "text": "found"}))
    gateway = stage.gateway({"model_list": entries(stage)})
    fields = {"model": GROUP[provider], "tool_backend": "http", "tool_http_base_url": host.url}
    stage.upstream.script(speak(CALLING), speak(FOUND))
    events = events_of(run(gateway, **fields))
    told = [name for name, _ in events if name != "text.delta"]
    turn = ["turn.started", "turn.completed"]
    assert told == [*turn, "tool.started", "tool.completed", *turn, "result"]
    assert all(data["type"] == name for name, data in events[:-1])
    said: dict[int, str] = {0: "", 1: "", 2: ""}
    for name, data in events:
        said[data.get("turn", 0)] += data["delta"] if name == "text.delta" else ""
    assert (said[1], said[2]) == ("Let me look.", "It is there.")
    by_name = dict(events)
    assert (by_name["tool.started"]["id"], by_name["tool.started"]["name"]) == ("c1", "lookup")
    assert json.loads(by_name["tool.started"]["arguments"]) == {"q": "x"}
    assert "found" in json.dumps(by_name["tool.completed"]["result"])
    assert by_name["turn.started"]["model"] == GROUP[provider]
    stage.upstream.script(speak(CALLING), speak(FOUND))
    plain = run(gateway, stream=False, **fields).json()
    result = events[-1][1]
    for body in (plain, result):
        body["metrics"].pop("ttotal_ms")
        body["last_tool_invocation"].pop("t_ms")
    assert result == plain


def test_text_is_told_while_the_model_writes(stage: Stage) -> None:
    """The first words are there before the model has said the rest."""
    stage.upstream.script(pieces(sse(chunk({"content": "first"})), "wait", sse(chunk({"content": "x"}, "stop"))))
    connection = stage.gateway().open_stream({"model": "m1", "messages": USER, "stream": True}, "/agent/run")
    try:
        response = connection.getresponse()
        lines = [response.readline() for _ in range(6)]
        assert [line[7:-1] for line in lines if line.startswith(b"event")] == [b"turn.started", b"text.delta"]
        stage.upstream.release.set()
        assert b"event: result\n" in response.read()
    finally:
        connection.close()


def test_what_fails_before_anything_was_said_is_an_ordinary_error(stage: Stage) -> None:
    """A refusal has its status and envelope, as without a stream; so has a field that is wrong."""
    stage.upstream.script(refuse(429, "slow"))
    gateway = stage.gateway()
    assert (run(gateway).status, run(gateway, model="nope").error["code"]) == (429, "model_not_found")
    assert run(gateway, tool_choice=7).status == 422
    assert run(gateway, stream="yes").error["param"] == "stream"


def test_what_fails_later_is_the_last_event(stage: Stage) -> None:
    """A provider that breaks off in its second answer: an error event, and nothing behind it."""
    host = stage.tool_host([LOOKUP], ToolReply({"ok": True, "text": "found"}))
    stage.upstream.script(speak(CALLING), pieces(sse(chunk({"content": "half"}))))
    reply = run(stage.gateway(), tool_backend="http", tool_http_base_url=host.url)
    name, data = events_of(reply)[-1]
    assert (reply.status, name, data["error"]["code"]) == (200, "error", "invalid_provider_response")


def test_a_client_that_leaves_ends_its_run(stage: Stage) -> None:
    """The model's stream is dropped with it."""
    stage.upstream.script(pieces(sse(chunk({"content": "first"})), end="hang"))
    connection = stage.gateway().open_stream({"model": "m1", "messages": USER, "stream": True}, "/agent/run")
    connection.getresponse().readline()
    connection.close()
    assert stage.upstream.wait_dropped()


async def advance(clock: HandClock, seconds: float) -> None:
    """Move the clock, on the loop that waits for it."""
    clock.advance(seconds)


def test_a_slow_model_is_bridged_by_a_sign_of_life(stage: Stage) -> None:
    """A comment shows that the run goes on."""
    clock = HandClock()
    stage.upstream.script(pieces(sse(chunk({"content": "first"})), "wait", sse(chunk({"content": "x"}, "stop"))))
    gateway = stage.gateway(ports=Ports(clock=clock))
    connection = gateway.open_stream({"model": "m1", "messages": USER, "stream": True}, "/agent/run")
    try:
        response = connection.getresponse()
        for _ in range(6):
            response.readline()
        stage.loop.run(advance(clock, 16.0))
        assert response.readline() == b": keep-alive\n"
        stage.upstream.release.set()
    finally:
        connection.close()


def test_the_canned_and_the_toolless_run_stream_too(stage: Stage) -> None:
    """A dummy model has its result only; the echo backend one turn."""
    gateway = stage.gateway(environ={"MINI_AGENT_ALLOW_DUMMY": "1"})
    assert [name for name, _ in events_of(run(gateway, model="dummy"))] == ["result"]
    names = [name for name, _ in events_of(run(gateway, model="dummy", tool_backend="echo"))]
    assert names == ["turn.started", "text.delta", "turn.completed", "result"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "lookup"}}])
def test_a_forced_call_is_forced_until_a_tool_has_run(stage: Stage, choice: Any, stream: bool) -> None:
    """The model must call first, and may answer then; a choice that forces nothing holds for the whole run."""
    host = stage.tool_host([LOOKUP], *[ToolReply({"ok": True, "text": "found"})] * 2)
    gateway = stage.gateway()
    fields = {"tool_backend": "http", "tool_http_base_url": host.url, "stream": stream}
    for asked, seen in ((choice, [choice, "auto"]), ("none", ["none", "none"])):
        stage.upstream.forget()
        stage.upstream.script(speak(CALLING), speak(FOUND))
        assert run(gateway, tool_choice=asked, **fields).status == 200
        assert [request.body["tool_choice"] for request in stage.upstream.requests] == seen


def test_a_slow_reader_holds_the_run_back(stage: Stage) -> None:
    """Thousands of pieces arrive in order, however slowly they are read."""
    words = [f"w{at} " for at in range(1000)]
    stage.upstream.script(text_stream(*words))
    events = events_of(run(stage.gateway()))
    assert "".join(data["delta"] for name, data in events if name == "text.delta") == "".join(words)
    assert events[-1][1]["final_answer"] == "".join(words)
