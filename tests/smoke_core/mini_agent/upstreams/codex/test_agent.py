"""The gateway's own `codex-agent/` models."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest

from mini_agent.app import Ports
from mini_agent.net.retry import RETRY_AFTER_CAP_S
from mini_agent.upstreams.codex.http import RetryPolicy, codex_url
from support.gateway import Gateway, Stage
from support.hand_clock import NotedWaits
from support.http_client import events_of
from support.upstream import abort, answer, chunk, completion, finish_chunk, hang, pieces, refuse, sse, stream_of

ON = {"LITELLM_ENABLE_CODEX_AGENT": "1", "CODEX_AGENT_MAX_RETRIES": "2", "CODEX_AGENT_RETRY_SEED": "7"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def agent(stage: Stage, environ: dict[str, str] | None = None, **more: Any) -> Gateway:
    """Returns: a gateway without model list whose codex agent is the stage's provider."""
    base = {"CODEX_AGENT_API_BASE": stage.upstream.base, "CODEX_AGENT_API_KEY": "ck-1"}
    return stage.gateway({}, {**ON, **base} if environ is None else environ, **more)


@pytest.mark.parametrize("model", ["codex-agent/gpt-x", "codex_cli_agent/gpt-x", "codex-agent/codex/gpt-x"])
def test_answer_keeps_tools_usage_and_finish_and_null_becomes_empty(stage: Stage, model: str) -> None:
    """Tool calls, usage and finish reason are kept, null content is `""`, prefixes are gone, the key is sent."""
    stage.upstream.script(answer(completion(None, tool_calls=[CALL])))
    reply = agent(stage).chat(model=model)
    (choice,) = reply.json()["choices"]
    assert reply.headers["x-mini-agent-provider"] == "codex_agent"
    assert (choice["message"]["content"], choice["message"]["tool_calls"]) == ("", [CALL])
    assert (choice["finish_reason"], reply.json()["usage"]["total_tokens"]) == ("tool_calls", 7)
    (seen,) = stage.upstream.requests
    assert (seen.path, seen.body["model"]) == ("/v1/chat/completions", "gpt-x")
    assert seen.header("authorization") == "Bearer ck-1"


def test_configured_authorization_wins_over_the_key(stage: Stage) -> None:
    """The bearer key is added only if no `Authorization` is present."""
    entry = stage.entry(model="codex-agent/x", extra_headers={"Authorization": "Basic abc"})
    stage.gateway({"model_list": [entry]}, ON).chat()
    values = [value for name, value in stage.upstream.requests[0].headers if name.lower() == "authorization"]
    assert values == ["Basic abc"]


def test_stream_is_relayed(stage: Stage) -> None:
    """Every chunk of a stream arrives, `[DONE]` is last."""
    events = [chunk({"content": "a"}), chunk({"content": "a"}), finish_chunk()]
    stage.upstream.script(stream_of(events))
    reply = agent(stage).chat(model="codex-agent/x", stream=True)
    assert events_of(reply.body) == [*events, "[DONE]"]
    assert stage.upstream.requests[0].body["stream"] is True


@pytest.mark.parametrize("flag", ["0", "true", ""])
def test_flag_must_be_exactly_one(stage: Stage, flag: str) -> None:
    """Without the exact flag, the model is refused by name of the variable."""
    environ = {**ON, "LITELLM_ENABLE_CODEX_AGENT": flag, "CODEX_AGENT_API_BASE": stage.upstream.base}
    reply = agent(stage, environ).chat(model="codex-agent/x")
    assert (reply.status, reply.error["code"]) == (400, "provider_not_configured")
    assert "LITELLM_ENABLE_CODEX_AGENT" in reply.error["message"]


def test_missing_base_names_the_variable(stage: Stage) -> None:
    """Without a base address the error says which variable to set."""
    reply = agent(stage, ON).chat(model="codex-agent/x")
    assert (reply.status, reply.error["code"]) == (400, "provider_not_configured")
    assert "CODEX_AGENT_API_BASE" in reply.error["message"]


def test_retries_back_off_exponentially_with_repeatable_jitter(stage: Stage) -> None:
    """429 and 5xx are retried before the first byte; the seed makes the waits repeatable, and they grow."""
    waits = []
    for _ in range(2):
        stage.upstream.script(refuse(429), refuse(500), answer("third"))
        clock = NotedWaits()
        assert agent(stage, ports=replace(Ports(), clock=clock)).chat(model="codex-agent/x").text == "third"
        waits.append(clock.waits)
    assert waits[0] == waits[1]
    first, second = waits[0]
    assert 0.06 <= first <= 0.12
    assert 0.12 <= second <= 0.24


def test_waits_are_capped() -> None:
    """No wait is longer than the configured maximum."""
    policy = RetryPolicy(base_ms=100, max_ms=300, seed=1)
    waits = [policy.wait_s(attempt, None) for attempt in range(9)]
    assert waits == [policy.wait_s(attempt, None) for attempt in range(9)]
    assert max(waits) <= 0.3
    assert policy.wait_s(0, 2.0) == 2.0
    assert policy.wait_s(0, 3600.0) == RETRY_AFTER_CAP_S


@pytest.mark.parametrize(
    ("status", "code", "asked"),
    [
        (400, "bad_request", 1),
        (404, "model_not_found", 1),
        (429, "rate_limit_exceeded", 3),
        (500, "api_error", 3),
        (501, "api_error", 3),
    ],
)
def test_refusals_keep_their_meaning(stage: Stage, status: int, code: str, asked: int) -> None:
    """A refusal keeps its row of the table; only 429 and 5xx are asked again."""
    stage.upstream.script(refuse(status))
    reply = agent(stage, ports=replace(Ports(), clock=NotedWaits())).chat(model="codex-agent/x")
    assert (reply.error["code"], len(stage.upstream.requests)) == (code, asked)


def test_timeout_is_504_and_not_retried(stage: Stage) -> None:
    """A silent agent is a timeout after the model's limit, asked once."""
    stage.upstream.script(hang())
    config = {"model_list": [stage.entry(model="codex-agent/x", timeout=0.3)]}
    reply = stage.gateway(config, ON).chat()
    assert (reply.status, reply.error["code"], len(stage.upstream.requests)) == (504, "request_timeout", 1)


def test_failure_mid_stream_is_a_frame_and_not_retried(stage: Stage) -> None:
    """After the first byte nothing is asked again."""
    stage.upstream.script(pieces(sse(chunk({"content": "a"})), end="abort"))
    reply = agent(stage).chat(model="codex-agent/x", stream=True)
    first, failure, done = events_of(reply.body)
    assert (first["choices"][0]["delta"], done) == ({"content": "a"}, "[DONE]")
    assert failure["error"]["code"] == "backend_unavailable"
    assert len(stage.upstream.requests) == 1


def test_connection_reset_is_502(stage: Stage) -> None:
    """A reset before any answer is an unavailable agent."""
    stage.upstream.script(abort())
    assert agent(stage).chat(model="codex-agent/x").error["code"] == "backend_unavailable"


@pytest.mark.parametrize("base", ["http://h", "http://h/", "http://h/v1", "http://h/v1/"])
def test_base_with_or_without_version(base: str) -> None:
    """A trailing `/v1` is not doubled."""
    assert str(codex_url(base)) == "http://h/v1/chat/completions"


def test_an_agent_that_is_not_there_is_asked_again(stage: Stage) -> None:
    """A connection that cannot be made is tried as often as a refusal."""
    clock = NotedWaits()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    environ = {**ON, "CODEX_AGENT_API_BASE": f"http://127.0.0.1:{port}"}
    reply = agent(stage, environ, ports=replace(Ports(), clock=clock)).chat(model="codex-agent/x")
    assert (reply.status, reply.error["code"], len(clock.waits)) == (502, "backend_unavailable", 2)


@pytest.mark.parametrize("body", [b"nonsense", b"[]", b"{}"])
def test_nonsense_is_malformed(stage: Stage, body: bytes) -> None:
    """What is no completion object is no answer."""
    stage.upstream.script(answer(body))
    reply = agent(stage).chat(model="codex-agent/x")
    assert (reply.status, reply.error["code"]) == (502, "invalid_provider_response")


@pytest.mark.parametrize("content", [b"", sse("[1]"), sse("{"), sse({"error": {"message": "no"}})])
def test_broken_streams_end_with_a_failure(stage: Stage, content: bytes) -> None:
    """An early end, a non-object, broken JSON and an error event are failures inside the stream."""
    stage.upstream.script(pieces(sse(chunk({"content": "a"})), content))
    reply = agent(stage).chat(model="codex-agent/x", stream=True)
    assert "error" in events_of(reply.body)[-2]
