"""The LiteLLM-routed path with the real package, against a provider on loopback."""

from __future__ import annotations

from typing import Any

import pytest

from support.gateway import UPSTREAM_KEY, Gateway, Stage
from support.http_client import events_of
from support.upstream import (
    Behaviour,
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

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


def routed(stage: Stage, **params: Any) -> Gateway:
    """Returns: a gateway whose group goes through LiteLLM although its provider is OpenAI-compatible."""
    return stage.gateway({"model_list": [{**stage.entry(**params), "model_info": {"transport": "sdk"}}]})


def test_plain_answer_keeps_content_tools_usage_and_finish(stage: Stage) -> None:
    """What the provider says arrives, in OpenAI's shape and without LiteLLM's own fields."""
    stage.upstream.script(answer(completion(None, tool_calls=[CALL])))
    reply = routed(stage, temperature=0.5).chat(tools=[{"type": "function", "function": {"name": "f"}}])
    body = reply.json()
    assert (reply.status, reply.headers["x-mini-agent-provider"]) == (200, "litellm_sdk")
    (choice,) = body["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", None)
    assert choice["message"]["tool_calls"] == [CALL]
    assert body["usage"]["total_tokens"] == 7
    assert "provider_specific_fields" not in str(body)
    (seen,) = stage.upstream.requests
    assert (seen.body["model"], seen.body["temperature"]) == ("gpt-up", 0.5)
    assert seen.header("authorization") == f"Bearer {UPSTREAM_KEY}"
    assert seen.header("x-request-id") == reply.headers["x-request-id"]
    assert seen.header("x-mini-agent-hop") == "1"


def test_stream_keeps_every_delta_finish_and_usage(stage: Stage) -> None:
    """Repeated deltas, the finish reason and the usage chunk survive; `[DONE]` is last."""
    words = [chunk({"role": "assistant", "content": "a"}), chunk({"content": "b"}), chunk({"content": "b"})]
    stage.upstream.script(stream_of([*words, finish_chunk(), usage_chunk()]))
    reply = routed(stage).chat(stream=True, stream_options={"include_usage": True})
    *chunks, done = events_of(reply.body)
    text = "".join(choice["delta"].get("content") or "" for item in chunks for choice in item["choices"])
    reasons = [choice["finish_reason"] for item in chunks for choice in item["choices"] if choice["finish_reason"]]
    assert (text, reasons, done) == ("abb", ["stop"], "[DONE]")
    assert [item["usage"]["total_tokens"] for item in chunks if item.get("usage")] == [3]
    assert len(stage.upstream.requests) == 1


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
    stage: Stage, behaviour: Behaviour, status: int, code: str, stream: bool
) -> None:
    """LiteLLM's exceptions come out as the table says, with one provider request and no traceback."""
    stage.upstream.script(behaviour)
    reply = routed(stage).chat(stream=stream)
    assert (reply.status, reply.error["code"]) == (status, code)
    assert "Traceback" not in reply.error["message"]
    assert len(stage.upstream.requests) == 1


def test_failure_after_the_first_event_is_a_frame(stage: Stage) -> None:
    """A provider that breaks off mid-stream gives an error frame, then `[DONE]`."""
    stage.upstream.script(pieces(sse(chunk({"role": "assistant", "content": "a"})), end="abort"))
    reply = routed(stage).chat(stream=True)
    events = events_of(reply.body)
    assert (reply.status, events[-1]) == (200, "[DONE]")
    assert events[-2]["error"]["type"] in ("connection_error", "api_error")
    assert len(stage.upstream.requests) == 1


def test_unlisted_model_without_key_names_the_variable(stage: Stage) -> None:
    """A known provider without credentials is a 400 that says what to set, before any network use."""
    reply = stage.gateway({}).chat(model="anthropic/claude-x")
    assert (reply.status, reply.error["code"]) == (400, "provider_not_configured")
    assert "ANTHROPIC_API_KEY" in reply.error["message"]


def test_client_that_leaves_cancels_the_stream(stage: Stage) -> None:
    """Dropping a LiteLLM-routed stream cancels it at the provider within a second."""
    stage.upstream.script(pieces(sse(chunk({"role": "assistant", "content": "a"})), end="hang"))
    gateway = routed(stage)
    body = {"model": "m1", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    connection = gateway.open_stream(body)
    response = connection.getresponse()
    assert response.readline().startswith(b"data: ")
    response.close()
    connection.close()
    assert stage.upstream.wait_dropped(1.0)


def test_provider_names_are_those_of_the_package() -> None:
    """The list we carry has no name that LiteLLM lacks, and lacks no name but its internal ones."""
    from mini_agent.providers.known import LITELLM_PROVIDERS
    from mini_agent.providers.litellm_loader import import_litellm

    litellm = import_litellm()
    theirs = {str(getattr(name, "value", name)) for name in litellm.provider_list}
    internal = {"custom", "human", "litellm_agent", "langgraph"}
    assert LITELLM_PROVIDERS - theirs == set()
    assert theirs - LITELLM_PROVIDERS - internal == set()
