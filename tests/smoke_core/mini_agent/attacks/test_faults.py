"""Faults of providers, and what each would make wrong: a 500, a lost `Retry-After`, half an answer shown as a whole."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.gateway import Gateway, Stage
from support.http_client import events_of
from support.upstream import Behaviour, answer, chunk, completion, finish_chunk, pieces, refuse, sse, stream_of
from support.wire_target import WireTarget

GZIP = {"content-encoding": "gzip"}
BOMB = gzip.compress(json.dumps(completion("x" * 3_000_000)).encode(), mtime=0)
ERROR_BOMB = gzip.compress(json.dumps({"error": {"message": "x" * 3_000_000, "code": "late"}}).encode(), mtime=0)


@pytest.fixture
def wire(stage: Stage) -> Iterator[WireTarget]:
    """A provider that sends the very bytes of the test."""
    with WireTarget(stage.loop) as target:
        yield target


def asking(stage: Stage, target: WireTarget) -> Gateway:
    """Returns: a gateway whose one model is at this provider."""
    return stage.gateway({"model_list": [stage.entry(api_base=f"{target.url}/v1")]})


@pytest.mark.parametrize(
    ("wrong", "first", "second", "status", "code"),
    [
        ("a full window", b'{"error": {"message": "long", "co', b'de": "context_length_exceeded"}}', 400, "context_"),
        ("an empty purse", b'{"error": {"message": "', b'no", "code": "insufficient_quota"}}', 429, "budget_"),
    ],
)
def test_the_code_stands_in_the_second_segment(
    stage: Stage, wrong: str, first: bytes, second: bytes, status: int, code: str
) -> None:
    """An error body is read to its end, however the network cuts it."""
    stage.upstream.script(pieces(first, "wait", second, status=status))
    gateway = stage.gateway()
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(gateway.chat)
        stage.upstream.wait_requests()
        stage.upstream.release.set()
        reply = asked.result(10)
    assert (reply.status, reply.error["code"].startswith(code)) == (status, True), wrong


@pytest.mark.parametrize("mode", ["sdk", "forward"])
@pytest.mark.parametrize(
    ("wrong", "body"),
    [
        ("a byte that is no UTF-8", b'{"error": {"message": "caf\xe9", "code": "rate_limit_exceeded"}}'),
        ("text in Latin-1", b"trop de requ\xeates"),
        ("JSON in UTF-16", '{"error": {"message": "slow"}}'.encode("utf-16")),
        ("half of a surrogate pair", b'{"error": {"message": "\\ud83d", "code": "\\ud83d"}}'),
        ("JSON deeper than any reader", b'{"error":' * 20_000),
        ("an error that is a list", b'{"error": [1]}'),
        ("an error that is a number", b'{"error": 7}'),
        ("a code that is an object", b'{"error": {"message": ["a"], "code": {"a": 1}, "param": 3}}'),
        ("nothing", b""),
        ("bytes", bytes(range(256))),
    ],
)
def test_no_bytes_of_a_refusal_lose_its_status_or_its_time(stage: Stage, mode: str, wrong: str, body: bytes) -> None:
    """A 429 stays one, with the provider's `Retry-After`, whatever its body is."""
    environ = {
        "MINI_AGENT_PROVIDER_MODE": mode,
        "MINI_AGENT_FORWARD_URL": stage.upstream.base.removesuffix("/v1"),
    }
    stage.upstream.script(answer(body, 429, {"retry-after": "7"}))
    reply = stage.gateway(environ=environ).chat()
    assert (reply.status, reply.headers["retry-after"], reply.error["code"]) == (429, "7", "rate_limit_exceeded"), wrong


@pytest.mark.parametrize("given", ["inf", "nan", "-3", "1e400", "soon", "Wed, 99 Foo 9999 99:99:99 GMT", "", "\xe9"])
def test_no_retry_after_is_an_internal_error(stage: Stage, given: str) -> None:
    """A time that cannot be read is the default's; one below zero is zero."""
    stage.upstream.script(answer(b"{}", 429, {"retry-after": given}))
    reply = stage.gateway().chat()
    assert (reply.status, reply.headers["retry-after"]) == (429, "0" if given == "-3" else "60")


def test_bytes_that_are_no_text_in_an_answer(stage: Stage) -> None:
    """A 200 with broken bytes would be no JSON for the client, or a 500 of ours: it is an answer with U+FFFD."""
    raw = json.dumps(completion("caf?")).encode().replace(b"caf?", b"caf\xe9")
    stage.upstream.script(answer(raw))
    assert stage.gateway().chat().text == "caf\ufffd"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/agent/run"])
def test_half_of_a_surrogate_pair_in_an_answer(stage: Stage, path: str) -> None:
    """A model that was cut off within an emoji is answered for on every route."""
    raw = json.dumps(completion("cut?")).encode().replace(b"cut?", b"cut\\ud83d")
    stage.upstream.script(answer(raw))
    reply = stage.gateway().post(path, {"model": "m1", "messages": [{"role": "user", "content": "hi"}]})
    assert (reply.status, b"cut" in reply.body) == (200, True)


def test_bytes_that_are_no_text_in_a_stream(stage: Stage) -> None:
    """An event with broken bytes would end the stream, or reach the client as no JSON: the other events count, too."""
    broken = sse(chunk({"content": "caf?"})).replace(b"caf?", b"caf\xe9")
    stage.upstream.script(pieces(sse(chunk({"content": "a"})), broken, sse(finish_chunk()), sse("[DONE]")))
    first, second, end, done = events_of(stage.gateway().chat(stream=True).body)
    assert second["choices"][0]["delta"]["content"] == "caf\ufffd"
    assert (first["choices"][0]["delta"]["content"], end["choices"][0]["finish_reason"], done) == (
        "a",
        "stop",
        "[DONE]",
    )


def test_bytes_that_are_no_text_in_a_failure_of_a_stream(stage: Stage) -> None:
    """The failure that a stream tells of keeps its code."""
    event = b'data: {"error": {"message": "\xe9", "code": "rate_limit_exceeded"}}\n\n'
    stage.upstream.script(pieces(sse(chunk({"content": "a"})), event))
    _, failure, _ = events_of(stage.gateway().chat(stream=True).body)
    assert failure["error"]["code"] == "rate_limit_exceeded"


HELLO = [chunk({"role": "assistant", "content": "half of "})]


@pytest.mark.parametrize(
    ("wrong", "behaviour", "more"),
    [
        ("an empty reason", stream_of([*HELLO, finish_chunk("")], done=False), {}),
        ("an empty reason, spaced", pieces(b'data: {"choices": [{"index": 0, "finish_reason" : ""}]}\n\n'), {}),
        ("no reason", stream_of(HELLO, done=False), {}),
        ("a reset", pieces(sse(HELLO[0]), end="abort"), {}),
        ("a reset within an event", pieces(sse(HELLO[0]), b'data: {"choices": [{"ind', end="abort"), {}),
        ("an end within an event", pieces(sse(HELLO[0]), b'data: {"choices": [{"ind'), {}),
        ("a reset after the reason", pieces(sse(HELLO[0]), sse(finish_chunk()), end="abort"), {}),
        ("the words in the text", stream_of([chunk({"content": '"finish_reason":"stop"'})], done=False), {}),
        ("one of two answers has an end", stream_of([*HELLO, finish_chunk()], done=False), {"n": 2}),
        ("an error without words", pieces(sse(HELLO[0]), b'data: {"error": {}}\n\ndata: {"error": true}\n\n'), {}),
        ("an event that is a list", pieces(sse(HELLO[0]), b"data: [1]\n\ndata: [DONE]\n\n"), {}),
    ],
)
def test_a_stream_that_breaks_is_never_shown_as_finished(
    stage: Stage, wrong: str, behaviour: Behaviour, more: dict[str, Any]
) -> None:
    """The client is told of every break, by one frame with an error before `[DONE]`, or by an ordinary error."""
    stage.upstream.script(behaviour)
    reply = stage.gateway().chat(stream=True, **more)
    if reply.status == 200:
        *_, failure, done = events_of(reply.body)
        assert ("error" in failure, done) == (True, "[DONE]"), wrong
    else:
        assert reply.status in (502, 504), wrong


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"


@pytest.mark.parametrize(
    ("wrong", "parts"),
    [
        ("a length that is not kept", [HEAD + b"content-length: 500\r\n\r\n" + sse(HELLO[0])]),
        ("a chunk that is cut", [HEAD + b"transfer-encoding: chunked\r\n\r\nfff\r\n" + sse(HELLO[0])]),
        ("chunks without their last", [HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\ndata:\r\n"]),
        ("chunks that are no chunks", [HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n" + sse(HELLO[0])]),
        ("a body that ends with the connection", [HEAD + b"\r\n" + sse(HELLO[0])]),
        ("a head without a body", [HEAD + b"transfer-encoding: chunked\r\n\r\n"]),
        ("half a head", [b"HTTP/1.1 200 OK\r\ncontent-ty"]),
        ("no HTTP", [b"SSH-2.0-OpenSSH_9.0\r\n"]),
        ("an encoding that is none", [HEAD + b"content-encoding: gzip\r\ncontent-length: 4\r\n\r\nabcd"]),
        ("a status that is none", [b"HTTP/1.1 999 Huh\r\ncontent-length: 0\r\n\r\n"]),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_broken_http_of_a_provider(
    stage: Stage, wire: WireTarget, wrong: str, parts: list[bytes | str], stream: bool
) -> None:
    """Whatever breaks below, nothing of it is a 500, and no half is a whole."""
    wire.answer(*parts)
    reply = asking(stage, wire).chat(stream=stream)
    if reply.status == 200:
        *_, failure, done = events_of(reply.body)
        assert ("error" in failure, done) == (True, "[DONE]"), wrong
    else:
        assert reply.status == 502, wrong


@pytest.mark.parametrize(
    ("wrong", "behaviour", "status"),
    [
        ("memory for an answer", answer(BOMB, headers=GZIP), 502),
        ("memory for a refusal", answer(ERROR_BOMB, 400, GZIP), 400),
        ("memory for an answer that is as long", answer("x" * 200_000), 502),
        ("memory for an event without an end", pieces(b"data: " + b"x" * 34_000_000), 502),
    ],
)
def test_answers_are_bounded_decoded(stage: Stage, wrong: str, behaviour: Behaviour, status: int) -> None:
    """A provider costs no more memory than the limit, compressed or not; the next request is served."""
    stage.upstream.script(behaviour, answer("next"))
    gateway = stage.gateway(max_answer_bytes=100_000)
    assert gateway.chat(stream="event" in wrong).status == status, wrong
    assert gateway.chat().text == "next"


def test_what_a_provider_says_of_its_limits_reaches_the_client(stage: Stage) -> None:
    """On refusals and answers: how much is left, and the provider's own id; not more, and nothing that fits no line."""
    headers = {
        "x-ratelimit-remaining-requests": "0",
        "anthropic-ratelimit-tokens-reset": "5s",
        "x-request-id": "req_of_provider",
        "x-ratelimit-odd": "\xe9",
        "x-secret-of-provider": "s",
    }
    stage.upstream.script(refuse(429, headers=headers), answer("hi", headers=headers), answer("hi", headers=headers))
    gateway = stage.gateway()
    for reply in (gateway.chat(), gateway.chat()):
        assert reply.headers["x-ratelimit-remaining-requests"] == "0"
        assert reply.headers["anthropic-ratelimit-tokens-reset"] == "5s"
        assert reply.headers["x-provider-request-id"] == "req_of_provider"
        assert reply.headers["x-request-id"] != "req_of_provider"
        assert not {"x-ratelimit-odd", "x-secret-of-provider"} & set(reply.headers)


@pytest.mark.parametrize(
    "text",
    [
        "Invalid model name passed in model=emb. Call `/v1/models`",
        "your text says: Invalid model name passed in",
        "litellm.NotFoundError: OpenAIException - quoted",
        "unknown size: No connected db.",
    ],
)
def test_a_relayed_400_stays_one(stage: Stage, text: str) -> None:
    """A refusal of a relayed request would look like an unknown path: its status is the client's."""
    stage.upstream.script(refuse(400, text))
    environ = {
        "MINI_AGENT_PROVIDER_MODE": "forward",
        "MINI_AGENT_FORWARD_URL": stage.upstream.base.removesuffix("/v1"),
    }
    assert stage.gateway(environ=environ).post("/v1/rerank", {"model": "emb"}).status == 400


def test_a_relayed_type_that_is_no_text_is_no_500(stage: Stage) -> None:
    """A header of the external process that is no UTF-8 goes on as it is."""
    stage.upstream.script(answer(b"x", headers={"content-type": "text/plain; x=\xe9"}))
    environ = {
        "MINI_AGENT_PROVIDER_MODE": "forward",
        "MINI_AGENT_FORWARD_URL": stage.upstream.base.removesuffix("/v1"),
    }
    assert stage.gateway(environ=environ).post("/v1/rerank", {"model": "emb"}).status == 200


def test_a_model_entry_that_streams(stage: Stage) -> None:
    """`stream: true` in an entry would make every plain answer a 502: what a request says of itself is no default."""
    entry = stage.entry(stream=True, stream_options={"include_usage": True}, messages=[{"role": "user"}], top_p=0.5)
    reply = stage.gateway({"model_list": [entry]}).chat("hi")
    sent = stage.upstream.requests[0].body
    assert (reply.status, reply.text) == (200, "hi there")
    assert sent == {"model": "gpt-up", "messages": [{"role": "user", "content": "hi"}], "top_p": 0.5}


@pytest.mark.parametrize("calls", ["x", {"id": "c"}, 3, ["x"], [None], True])
def test_tool_calls_of_a_client_that_are_no_list(stage: Stage, calls: Any) -> None:
    """They would be a 500 somewhere behind: they are the client's fault, by name, and nobody is asked."""
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "tool_calls": calls}]
    gateway = stage.gateway()
    chat = gateway.post("/v1/chat/completions", {"model": "m1", "messages": messages})
    run = gateway.post("/agent/run", {"model": "m1", "messages": messages})
    assert [(reply.status, reply.error["param"]) for reply in (chat, run)] == [(400, "messages"), (422, "messages")]
    assert stage.upstream.requests == []


@pytest.mark.parametrize(
    "message",
    [
        {"tool_calls": {"id": "c"}},
        {"tool_calls": "x"},
        {"tool_calls": [{"function": {"name": "a", "arguments": [1]}}]},
        {"tool_calls": [{"function": {"name": "a", "arguments": 7}}]},
        {"tool_calls": [{"function": None}, None, 3]},
        {"tool_calls": [{"id": 1, "function": {"name": 2, "arguments": {}}}]},
    ],
)
@pytest.mark.parametrize("route", ["chat", "stream", "run"])
def test_tool_calls_of_a_provider_that_are_no_calls(stage: Stage, message: dict[str, Any], route: str) -> None:
    """With tools of the gateway the answer is looked into: whatever it holds, it is never a 500."""
    server = {"transport": "http", "url": "http://127.0.0.1:9/mcp", "timeout": 1}
    gateway = stage.gateway({"model_list": [stage.entry()], "mcp_servers": {"down": server}})
    whole = answer({**completion(None), "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})
    streamed = stream_of([chunk(message), finish_chunk("tool_calls")])
    stage.upstream.script(streamed if route == "stream" else whole, answer("done"))
    if route == "run":
        body = {"model": "m1", "messages": [{"role": "user", "content": "x"}], "use_tools": True}
        assert gateway.post("/agent/run", body).status in (200, 502)
    else:
        reply = gateway.chat(stream=route == "stream")
        assert (reply.status, b"internal_error" in reply.body) == (200, False)


@pytest.mark.parametrize("choices", [[], None, "x", [None], [3], [{"message": None}], [{"message": "x"}], {"a": 1}])
def test_choices_that_are_none(stage: Stage, choices: Any) -> None:
    """An answer without an answer is the provider's fault in a run, too."""
    stage.upstream.script(answer({**completion("x"), "choices": choices}))
    body = {"model": "m1", "messages": [{"role": "user", "content": "x"}]}
    assert stage.gateway().post("/agent/run", body).status in (200, 502)


@pytest.mark.parametrize("name", ["x-memory-user-id", "x-request-id", "authorization", "accept", "x-mini-agent-hop"])
@pytest.mark.parametrize("value", [b"\xff\xfe", b"\xe9", b"\xf0\x9f\x98\x80", b"\x80" * 300])
def test_bytes_that_are_no_text_in_a_clients_header(stage: Stage, name: str, value: bytes) -> None:
    """A client's bytes are never a 500, and a provider that is asked gets a line that every server takes."""
    reply = stage.gateway().chat(headers={name: value.decode("latin-1")})
    assert reply.status in (200, 400)
    if reply.status == 200:
        assert all(header.isascii() for _, header in stage.upstream.requests[0].headers)
