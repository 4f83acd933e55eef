"""Streams over HTTP: what the client gets when the provider behaves, and when it does not."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from mini_agent.app import Ports
from mini_agent.core.chat import DONE, ProviderRequest
from mini_agent.upstreams.protocol import Batch, Capabilities
from support.gateway import Stage
from support.hand_clock import HandClock, pass_time
from support.http_client import Reply, events_of
from support.upstream import (
    Behaviour,
    abort,
    chunk,
    finish_chunk,
    hang,
    pieces,
    refuse,
    sse,
    stream_of,
    text_stream,
    usage_chunk,
)

ROLE = chunk({"role": "assistant", "content": ""})
WORD = chunk({"content": "word"})


def stream(stage: Stage, *behaviours: Behaviour, **settings: object) -> Reply:
    """Returns: the whole answer to a streamed chat, whose provider behaves so."""
    stage.upstream.script(*behaviours)
    return stage.gateway(**settings).chat(stream=True)  # type: ignore[arg-type]  # settings are checked by name


def test_every_event_is_relayed_in_order_and_done_is_last(stage: Stage) -> None:
    """Role chunk, repeated equal deltas and the usage chunk after the finish all arrive, then one `[DONE]`."""
    events = [ROLE, WORD, WORD, WORD, finish_chunk(), usage_chunk()]
    reply = stream(stage, stream_of(events))
    assert events_of(reply.body) == [*events, "[DONE]"]
    assert reply.body.endswith(b"data: [DONE]\n\n")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert (reply.headers["cache-control"], reply.headers["x-accel-buffering"]) == ("no-cache", "no")
    assert reply.headers["x-mini-agent-provider"] == "openai_http"
    assert len(stage.upstream.requests) == 1


def test_long_answers_of_equal_deltas_arrive_whole(stage: Stage) -> None:
    """Nothing caps the chunks or takes repetition for a loop: three thousand equal deltas arrive."""
    reply = stream(stage, stream_of([ROLE, *([WORD] * 3000), finish_chunk()]))
    assert events_of(reply.body) == [ROLE, *([WORD] * 3000), finish_chunk(), "[DONE]"]


class Overlong:
    """A model client that goes on after `[DONE]`, with another chunk or with a failure."""

    name = "openai_http"
    capabilities = Capabilities()

    def __init__(self, *, fails: bool) -> None:
        self._fails = fails

    async def complete(self, request: ProviderRequest) -> bytes:
        """Never asked."""
        raise AssertionError("not a stream")

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Returns: an answer, and more than that."""
        yield [json.dumps(finish_chunk()).encode(), DONE]
        if self._fails:
            raise ConnectionResetError("too late to matter")
        yield [json.dumps(WORD).encode()]

    async def aclose(self) -> None:
        """Nothing to free."""


@pytest.mark.parametrize("fails", [False, True])
def test_done_is_the_last_frame_whatever_the_provider_does_after_it(stage: Stage, fails: bool) -> None:
    """Neither a chunk nor a failure behind `[DONE]` reaches the client."""
    ports = replace(Ports(), model_clients={"openai_http": lambda *_: Overlong(fails=fails)})
    assert events_of(stage.gateway(ports=ports).chat(stream=True).body) == [finish_chunk(), "[DONE]"]


def test_done_is_added_when_the_provider_leaves_it_out(stage: Stage) -> None:
    """A finish reason without `[DONE]` is a whole answer; we close it properly."""
    reply = stream(stage, stream_of([ROLE, WORD, finish_chunk()], done=False))
    assert events_of(reply.body) == [ROLE, WORD, finish_chunk(), "[DONE]"]


def test_events_arrive_while_the_provider_is_still_writing(stage: Stage) -> None:
    """The first event reaches the client before the provider has sent the second: nothing is buffered."""
    stage.upstream.script(pieces(sse(ROLE), "wait", sse(finish_chunk()), sse("[DONE]")))
    body = {"model": "m1", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    connection = stage.gateway().open_stream(body)
    try:
        response = connection.getresponse()
        assert json.loads(response.readline().removeprefix(b"data: ")) == ROLE
        stage.upstream.release.set()
        assert response.read().endswith(b"data: [DONE]\n\n")
    finally:
        connection.close()


@pytest.mark.parametrize("size", [1, 2, 7, 50])
def test_events_survive_any_cut_of_the_network(stage: Stage, size: int) -> None:
    """However the bytes are cut, and with CRLF line ends and comments, the events are the same."""
    wire = b": hello\r\n\r\n" + b"".join(sse(event).replace(b"\n", b"\r\n") for event in (ROLE, WORD, finish_chunk()))
    wire += b"event: x\nid: 1\ndata: [DONE]\n\n"
    cuts = [wire[start : start + size] for start in range(0, len(wire), size)]
    reply = stream(stage, pieces(*cuts))
    assert events_of(reply.body) == [ROLE, WORD, finish_chunk(), "[DONE]"]


def test_huge_event_arrives_whole(stage: Stage) -> None:
    """One event of three megabytes is relayed as it is."""
    huge = chunk({"content": "x" * 3_000_000})
    reply = stream(stage, stream_of([ROLE, huge, finish_chunk()]))
    assert events_of(reply.body) == [ROLE, huge, finish_chunk(), "[DONE]"]


@pytest.mark.parametrize(
    ("behaviour", "status", "code"),
    [
        (refuse(429, headers={"retry-after": "7"}), 429, "rate_limit_exceeded"),
        (refuse(500), 502, "api_error"),
        (refuse(401), 502, "provider_auth"),
        (abort(), 502, "backend_unavailable"),
        (pieces(), 502, "invalid_provider_response"),
        (pieces(sse("[DONE]")), 502, "invalid_provider_response"),
        (pieces(b": only a comment\n\n"), 502, "invalid_provider_response"),
        (pieces(b"data: {not json\n\n"), 502, "invalid_provider_response"),
        (pieces(b'{"choices": []}'), 502, "invalid_provider_response"),
        (pieces(b'data: {"cho'), 502, "invalid_provider_response"),
        (pieces(b'data: {"cho', end="abort"), 502, "backend_unavailable"),
        (pieces(sse({"error": {"message": "slow down", "code": 429}})), 429, "rate_limit_exceeded"),
        (pieces(sse({"error": {"message": "odd"}})), 502, "api_error"),
    ],
)
def test_failure_before_the_first_event_is_an_ordinary_error(
    stage: Stage, behaviour: Behaviour, status: int, code: str
) -> None:
    """Until the first event the answer keeps a status of its own; the provider is asked once."""
    reply = stream(stage, behaviour)
    assert (reply.status, reply.error["code"]) == (status, code)
    assert reply.error["request_id"] == reply.headers["x-request-id"]
    assert reply.headers["content-type"] == "application/json"
    assert len(stage.upstream.requests) == 1


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (pieces(sse(ROLE), sse(WORD), end="abort"), "backend_unavailable"),
        (pieces(sse(ROLE), sse(WORD)), "invalid_provider_response"),
        (pieces(sse(ROLE), sse(WORD), b'data: {"choi'), "invalid_provider_response"),
        (pieces(sse(ROLE), sse(WORD), b"data: {broken\n\n", sse(finish_chunk())), "invalid_provider_response"),
        (pieces(sse(ROLE), sse(WORD), b"data: [1]\n\n"), "invalid_provider_response"),
        (pieces(sse(ROLE), sse(WORD), sse({"error": {"message": "gone", "code": 503}})), "service_unavailable"),
    ],
)
def test_failure_after_the_first_event_is_one_frame_then_done(stage: Stage, behaviour: Behaviour, code: str) -> None:
    """What arrived is kept; one frame holds the envelope, `[DONE]` follows, the provider is not asked again."""
    reply = stream(stage, behaviour)
    role, word, failure, done = events_of(reply.body)
    assert (reply.status, role, word, done) == (200, ROLE, WORD, "[DONE]")
    assert failure["error"]["code"] == code
    assert failure["error"]["request_id"] == reply.headers["x-request-id"]
    assert len(stage.upstream.requests) == 1


def test_provider_that_falls_silent_mid_stream_times_out(stage: Stage) -> None:
    """`stream_timeout` bounds the wait for the next event; the client gets a frame, not a hang."""
    config = {"model_list": [stage.entry(stream_timeout=0.3)]}
    reply = stream(stage, pieces(sse(ROLE), end="hang"), config=config)
    first, failure, done = events_of(reply.body)
    assert (first, failure["error"]["code"], done) == (ROLE, "request_timeout", "[DONE]")
    assert stage.upstream.wait_dropped(1.0)


def test_provider_that_never_starts_times_out_with_504(stage: Stage) -> None:
    """Before the first event the timeout is an ordinary 504 with `Retry-After`."""
    reply = stream(stage, hang(), config={"model_list": [stage.entry(stream_timeout=0.3)]})
    assert (reply.status, reply.error["code"], reply.headers["retry-after"]) == (504, "request_timeout", "60")


@pytest.mark.parametrize(("moves", "comments"), [([14.9], 0), ([14.9, 0.1], 1), ([15.0, 15.0], 2)])
def test_silence_of_fifteen_seconds_is_bridged_by_a_comment(stage: Stage, moves: list[float], comments: int) -> None:
    """After 15 s of silence, and not before, a comment keeps the connection alive; events stay intact."""
    clock = HandClock()
    stage.upstream.script(pieces(sse(ROLE), "wait", sse(finish_chunk()), sse("[DONE]")))
    gateway = stage.gateway(ports=replace(Ports(), clock=clock))
    connection = gateway.open_stream({"model": "m1", "stream": True, "messages": [{"role": "user", "content": "hi"}]})
    try:
        response = connection.getresponse()
        first = response.readline()
        for seconds in moves:
            stage.loop.run(pass_time(clock, seconds))
        stage.upstream.release.set()
        body = first + response.read()
    finally:
        connection.close()
    assert body.count(b": keep-alive\n\n") == comments
    assert events_of(body) == [ROLE, finish_chunk(), "[DONE]"]


def test_client_that_leaves_cancels_the_stream_at_the_provider(stage: Stage) -> None:
    """Dropping a stream cancels it at the provider within a second, and frees its place in the gauge."""
    stage.upstream.script(pieces(sse(ROLE), end="hang"))
    gateway = stage.gateway()
    body = {"model": "m1", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    connection = gateway.open_stream(body)
    response = connection.getresponse()
    assert response.readline().startswith(b"data: ")
    assert gateway.metric("mini_agent_streams_in_flight") == 1
    response.close()
    connection.close()
    assert stage.upstream.wait_dropped(1.0)
    stage.upstream.script(text_stream("again"))
    assert events_of(gateway.chat(stream=True).body)[-1] == "[DONE]"
    assert gateway.metric("mini_agent_streams_in_flight") == 0
    assert len(stage.upstream.requests) == 2


def test_connections_are_reused_after_streams(stage: Stage) -> None:
    """Streams that were read to their end give their connection back to the pool."""
    stage.upstream.script(text_stream("a"))
    gateway = stage.gateway()
    for _ in range(5):
        gateway.chat(stream=True)
    assert stage.upstream.connections == 1


def test_tool_call_fragments_pass_unmixed(stage: Stage) -> None:
    """Interleaved fragments of two calls keep their indexes and order."""
    fragments = [
        chunk({"tool_calls": [{"index": index, "id": f"c{index}", "function": {"name": "f", "arguments": ""}}]})
        for index in (0, 1)
    ] + [
        chunk({"tool_calls": [{"index": index, "function": {"arguments": text}}]})
        for index, text in ((0, '{"a"'), (1, '{"b"'), (0, ":1}"), (1, ":2}"))
    ]
    events = [ROLE, *fragments, finish_chunk("tool_calls")]
    assert events_of(stream(stage, stream_of(events)).body) == [*events, "[DONE]"]
