"""The LiteLLM-routed path with the real package, against a provider on loopback.

One gateway process serves all tests of the module: LiteLLM takes seconds to import, and what it keeps open and warns
about stays out of the test process.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from support.gateway import UPSTREAM_KEY, GatewayProcess, Stage
from support.http_client import events_of
from support.upstream import (
    Behaviour,
    Upstream,
    abort,
    answer,
    chunk,
    completion,
    finish_chunk,
    pieces,
    refuse,
    sse,
    stream_of,
    usage_chunk,
)

pytestmark = pytest.mark.shard("shard_a")

MASTER = "mk-sdk-path"

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, GatewayProcess]]:
    """A provider, and a gateway whose groups go through LiteLLM although their provider is OpenAI-compatible."""
    folder = tmp_path_factory.mktemp("sdk")
    with Stage(folder) as stage:
        info = {"model_info": {"transport": "sdk"}}
        entries = [{**stage.entry(temperature=0.5), **info}]
        general = {"master_key": MASTER, "allow_unlisted_models": True}
        config = folder / "c.yaml"
        config.write_text(json.dumps({"model_list": entries, "general_settings": general}), encoding="utf-8")
        with GatewayProcess("serve", "--port", "0", "--config", str(config), folder=folder) as process:
            process.wait_listening()
            process.headers["authorization"] = f"Bearer {MASTER}"
            yield stage, process


@pytest.fixture
def upstream(world: tuple[Stage, GatewayProcess]) -> Upstream:
    """The provider, with an empty log."""
    upstream = world[0].upstream
    upstream.forget()
    return upstream


@pytest.fixture
def gateway(world: tuple[Stage, GatewayProcess]) -> GatewayProcess:
    """The gateway."""
    return world[1]


def test_plain_answer_keeps_content_tools_usage_and_finish(upstream: Upstream, gateway: GatewayProcess) -> None:
    """What the provider says arrives, in OpenAI's shape and without LiteLLM's own fields."""
    upstream.script(answer(completion(None, tool_calls=[CALL])))
    reply = gateway.chat(tools=[{"type": "function", "function": {"name": "f"}}])
    body = reply.json()
    assert (reply.status, reply.headers["x-mini-agent-provider"]) == (200, "litellm_sdk")
    (choice,) = body["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", None)
    assert choice["message"]["tool_calls"] == [CALL]
    assert body["usage"]["total_tokens"] == 7
    assert "provider_specific_fields" not in str(body)
    (seen,) = upstream.requests
    assert (seen.body["model"], seen.body["temperature"]) == ("gpt-up", 0.5)
    assert seen.header("authorization") == f"Bearer {UPSTREAM_KEY}"
    assert seen.header("x-request-id") == reply.headers["x-request-id"]
    assert seen.header("x-mini-agent-hop") == "1"


def test_stream_keeps_every_delta_finish_and_usage(upstream: Upstream, gateway: GatewayProcess) -> None:
    """Repeated deltas, the finish reason and the usage chunk survive; `[DONE]` is last."""
    words = [chunk({"role": "assistant", "content": "a"}), chunk({"content": "b"}), chunk({"content": "b"})]
    upstream.script(stream_of([*words, finish_chunk(), usage_chunk()]))
    reply = gateway.chat(stream=True, stream_options={"include_usage": True})
    *chunks, done = events_of(reply.body)
    text = "".join(choice["delta"].get("content") or "" for item in chunks for choice in item["choices"])
    reasons = [choice["finish_reason"] for item in chunks for choice in item["choices"] if choice["finish_reason"]]
    assert (text, reasons, done) == ("abb", ["stop"], "[DONE]")
    assert [item["usage"]["total_tokens"] for item in chunks if item.get("usage")] == [3]
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("behaviour", "status", "code"),
    [
        (refuse(400), 400, "bad_request"),
        (
            refuse(400, "This model's maximum context length is 5", "context_length_exceeded"),
            400,
            "context_length_exceeded",
        ),
        (refuse(401), 502, "provider_auth"),
        (refuse(403), 403, "permission_denied"),
        (refuse(404), 404, "model_not_found"),
        (refuse(422), 422, "unprocessable_entity"),
        (refuse(429), 429, "rate_limit_exceeded"),
        (refuse(500), 502, "api_error"),
        (refuse(503), 503, "service_unavailable"),
        (abort(), 502, "backend_unavailable"),
    ],
)
def test_failures_have_the_same_rows_as_on_the_fast_path(
    upstream: Upstream, gateway: GatewayProcess, behaviour: Behaviour, status: int, code: str, stream: bool
) -> None:
    """LiteLLM's exceptions come out as the table says, with one provider request and no traceback."""
    upstream.script(behaviour)
    reply = gateway.chat(stream=stream)
    assert (reply.status, reply.error["code"]) == (status, code)
    assert "Traceback" not in reply.error["message"]
    assert len(upstream.requests) == 1


def test_failure_after_the_first_event_is_a_frame(upstream: Upstream, gateway: GatewayProcess) -> None:
    """A provider that breaks off mid-stream gives an error frame, then `[DONE]`."""
    upstream.script(pieces(sse(chunk({"role": "assistant", "content": "a"})), end="abort"))
    reply = gateway.chat(stream=True)
    events = events_of(reply.body)
    assert (reply.status, events[-1]) == (200, "[DONE]")
    assert events[-2]["error"]["type"] in ("connection_error", "api_error")
    assert len(upstream.requests) == 1


def test_unlisted_model_without_key_names_the_variable(upstream: Upstream, gateway: GatewayProcess) -> None:
    """A known provider without credentials is a 400 that says what to set, before any network use."""
    reply = gateway.chat(model="anthropic/claude-x")
    assert (reply.status, reply.error["code"]) == (400, "provider_not_configured")
    assert "ANTHROPIC_API_KEY" in reply.error["message"]


def test_client_that_leaves_cancels_the_stream(upstream: Upstream, gateway: GatewayProcess) -> None:
    """Dropping a LiteLLM-routed stream cancels it at the provider within a second."""
    upstream.script(pieces(sse(chunk({"role": "assistant", "content": "a"})), end="hang"))
    body = {"model": "m1", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    connection = gateway.open_stream(body)
    response = connection.getresponse()
    assert response.readline().startswith(b"data: ")
    response.close()
    connection.close()
    assert upstream.wait_dropped(1.0)


def test_log_is_json_lines_only(upstream: Upstream, gateway: GatewayProcess) -> None:
    """Whatever LiteLLM has to say about a failure, stderr holds JSON lines of ours, without keys and prompts."""
    upstream.script(refuse(500, f"bad {UPSTREAM_KEY}"))
    gateway.chat("a private prompt")
    text = gateway.stderr()
    assert [line for line in text.splitlines() if not line.startswith("{")] == []
    assert [word for word in (UPSTREAM_KEY, MASTER, "private prompt") if word in text] == []


def test_vectors_and_texts_go_through_the_package(world: tuple[Stage, GatewayProcess], upstream: Upstream) -> None:
    """Embeddings in either form, and the rest of a text, plain and streamed, from a provider that LiteLLM asks."""
    vectors = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}], "model": "up"}
    upstream.script(answer({**vectors, "usage": {"prompt_tokens": 1, "total_tokens": 1}}))
    asked = {"model": "m1", "input": "x"}
    plain = world[1].post("/v1/embeddings", asked)
    assert (plain.status, plain.json()["data"][0]["embedding"]) == (200, [0.5, -1.0])
    packed = world[1].post("/v1/embeddings", {**asked, "encoding_format": "base64"})
    assert packed.json()["data"][0]["embedding"] == "AAAAPwAAgL8="
    text = {"id": "c", "object": "text_completion", "created": 1, "model": "up"}
    choice = {"index": 0, "text": " on", "finish_reason": "stop", "logprobs": None}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    upstream.script(answer({**text, "choices": [choice], "usage": usage}))
    reply = world[1].post("/v1/completions", {"model": "m1", "prompt": "Go"})
    assert (reply.status, reply.json()["choices"][0]["text"]) == (200, " on")
