"""Forward mode: what the external LiteLLM process gets of a request, and what comes back of its answer."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from support.dialect_scripts import Script, Words, speak
from support.gateway import Gateway, Stage
from support.http_client import events_of, raw_exchange
from support.upstream import answer, completion, finish_chunk, hang, pieces, refuse, sse, text_stream, usage_chunk

MASTER = {"general_settings": {"master_key": "mk-of-clients"}}
KEY = {"authorization": "Bearer mk-of-clients"}


def forward(stage: Stage, config: dict[str, Any] | None = None, **more: Any) -> Gateway:
    """Returns: a gateway in forward mode whose external process is the stage's provider."""
    environ = {
        "MINI_AGENT_PROVIDER_MODE": "forward",
        "MINI_AGENT_FORWARD_URL": stage.upstream.base.removesuffix("/v1"),
        **more.pop("environ", {}),
    }
    return stage.gateway({"model_list": [stage.entry()], **(config or {})}, environ, **more)


def test_process_is_asked_by_group_name_and_answers_as_forward(stage: Stage) -> None:
    """One request goes to `/v1/chat/completions` under the group's name; configured values are left to the process."""
    entry = stage.entry(temperature=0.5, extra_headers={"X-Team": "blue"})
    reply = forward(stage, {"model_list": [entry]}).chat(max_tokens=3)
    (seen,) = stage.upstream.requests
    assert (reply.status, reply.text, reply.headers["x-mini-agent-provider"]) == (200, "hi there", "forward")
    assert (seen.method, seen.path) == ("POST", "/v1/chat/completions")
    assert seen.body == {"model": "m1", "max_tokens": 3, "messages": [{"role": "user", "content": "hi"}]}
    assert seen.header("x-team") is None
    assert seen.header("x-litellm-num-retries") == "0"


@pytest.mark.parametrize(
    ("environ", "config", "expected"),
    [
        ({"MINI_AGENT_FORWARD_KEY": "fk-1"}, MASTER, "Bearer fk-1"),
        ({}, MASTER, "Bearer mk-of-clients"),
        ({}, {}, None),
    ],
    ids=["its own key", "the master key", "none"],
)
def test_authorization_is_the_forward_key_and_only_that(
    stage: Stage, environ: dict[str, str], config: dict[str, Any], expected: str | None
) -> None:
    """The client's `Authorization` never goes on; exactly one with the forward key does, none without a key."""
    gateway = forward(stage, config, environ=environ)
    assert gateway.chat(headers=KEY).status == 200
    sent = [value for name, value in stage.upstream.requests[0].headers if name.lower() == "authorization"]
    assert sent == ([] if expected is None else [expected])


def test_only_end_to_end_headers_without_credentials_go_on(stage: Stage) -> None:
    """Host, hop-by-hop headers, those that `Connection` names, cookies, keys and orders stay; the rest goes on."""
    gateway = forward(stage)
    body = json.dumps({"model": "m1", "messages": [{"role": "user", "content": "hi"}]}).encode()
    head = (
        b"POST /v1/chat/completions?api-version=7&x=%%20a HTTP/1.1\r\nHost: localhost\r\nCookie: a=b\r\n"
        b"Connection: close, X-Private\r\nX-Private: 1\r\nTE: trailers\r\nProxy-Authorization: Basic eA==\r\n"
        b"Keep-Alive: timeout=5\r\nX-Api-Key: sk-theirs\r\nX-Litellm-Timeout: 1\r\nApi-Key: sk-theirs\r\n"
        b"Accept-Language: de\r\nX-Tag: one\r\nUser-Agent: me/1\r\nAnthropic-Version: 2023-06-01\r\n"
        b"X-Mini-Agent-Hop: 1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    assert raw_exchange(gateway.port, head % len(body) + body).startswith(b"HTTP/1.1 200 ")
    (seen,) = stage.upstream.requests
    sent = {name.lower(): value for name, value in seen.headers}
    assert len(sent) == len(seen.headers)
    assert sent.pop("host") == f"127.0.0.1:{stage.upstream.port}"
    assert int(sent.pop("content-length")) == len(seen.raw)
    assert sent.pop("x-request-id").startswith("req-")
    assert sent == {
        "accept": "*/*",
        "accept-encoding": "identity",
        "accept-language": "de",
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
        "user-agent": "me/1",
        "x-litellm-num-retries": "0",
        "x-mini-agent-hop": "2",
        "x-sm-user-id": "default-dev",
        "x-tag": "one",
    }


def test_query_string_is_kept_but_for_what_no_client_may_set(stage: Stage) -> None:
    """The query goes on as it was written; names that no client may set are taken out of it."""
    gateway = forward(stage)
    body = {"model": "m1", "messages": [{"role": "user", "content": "hi"}]}
    for query in ("a=%20b&c", "a=1&api%5Fkey=sk-theirs&b=2"):
        gateway.post(f"/v1/chat/completions?{query}", body)
    gateway.post("/v1/chat/completions", body)
    assert [seen.query for seen in stage.upstream.requests] == ["a=%20b&c", "a=1&b=2", ""]


@pytest.mark.parametrize(
    ("path", "more"),
    [("chat/completions", {"messages": [{"role": "user", "content": "hi"}]}), ("embeddings", {"input": "hi"})],
)
def test_a_query_names_no_model(stage: Stage, path: str, more: dict[str, Any]) -> None:
    """LiteLLM lets it count before the body's, which the gateway has looked up in the list."""
    gateway = forward(stage)
    for name in ("model", "mod%65l", "Model"):
        gateway.post(f"/v1/{path}?{name}=unlisted&a=1", {"model": "m1", **more})
    assert {(seen.query, seen.body["model"]) for seen in stage.upstream.requests} == {("a=1", "m1")}


@pytest.mark.parametrize(
    ("asked", "group", "features"),
    [
        ("claude-x,feat-a,feat-b", "claude-x", "feat-a,feat-b"),
        ("claude-x-20250514", "claude-x", None),
        ("claude-x-20250514,feat-a", "claude-x", "feat-a"),
        ("dated-20240101", "dated-20240101", None),
        ("a,b", "a,b", None),
    ],
)
@pytest.mark.parametrize("mode", ["sdk", "forward"])
def test_features_and_date_of_a_model_name(
    stage: Stage, mode: str, asked: str, group: str, features: str | None
) -> None:
    """Features become `anthropic-beta`, the date is ignored in the look-up, and an exact name goes before both."""
    entries = [stage.entry(name, f"openai/{name}") for name in ("claude-x", "dated-20240101", "a,b")]
    gateway = forward(stage, {"model_list": entries}, environ={"MINI_AGENT_PROVIDER_MODE": mode})
    assert gateway.chat(model=asked).status == 200
    (seen,) = stage.upstream.requests
    assert (seen.body["model"], seen.header("anthropic-beta")) == (group, features)


def test_features_join_those_of_the_client(stage: Stage) -> None:
    """A client's own `anthropic-beta` stays, with the features behind it."""
    forward(stage).chat(model="m1,feat-b", headers={"anthropic-beta": "feat-a"})
    assert stage.upstream.requests[0].header("anthropic-beta") == "feat-a,feat-b"


@pytest.mark.parametrize("model", ["m1,fe at", "m1,", "m1-2025051", "m1,a\r\nb", "nope-20250514"])
def test_what_is_no_feature_and_no_date_is_an_unknown_model(stage: Stage, model: str) -> None:
    """Names that only resemble the form are refused before any network use."""
    reply = forward(stage).chat(model=model)
    assert (reply.status, reply.error["code"], stage.upstream.requests) == (404, "model_not_found", [])


@pytest.mark.parametrize("stream", [False, True])
def test_headers_of_the_answer_come_back_without_cookies_and_hops(stage: Stage, stream: bool) -> None:
    """End-to-end headers return once each; cookies under any name, hop-by-hop headers and old lengths do not."""
    events = [sse(event) for event in (finish_chunk(), usage_chunk())]
    body = b"".join([*events, sse("[DONE]")]) if stream else json.dumps(completion("hi")).encode()
    headers = {
        "x-litellm-model-group": "m1",
        "x-ratelimit-remaining-tokens": "9",
        "set-cookie": "sid=1",
        "llm_provider-set-cookie": "sid=2",
        "keep-alive": "timeout=5",
        "x-mini-agent-provider": "somebody",
        "x-request-id": "theirs",
        "cache-control": "no-cache",
    }
    stage.upstream.script(answer(body, headers=headers))
    gateway = forward(stage)
    reply = gateway.chat(stream=stream, headers={"x-request-id": "ours"})
    assert reply.headers["x-litellm-model-group"] == "m1"
    assert reply.headers["x-ratelimit-remaining-tokens"] == "9"
    assert (reply.headers["x-mini-agent-provider"], reply.headers["x-request-id"]) == ("forward", "ours")
    assert [name for name in reply.headers if "cookie" in name or name == "keep-alive"] == []
    raw = json.dumps({"model": "m1", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n"
    head += b"content-type: application/json\r\ncontent-length: %d\r\n\r\n"
    received = raw_exchange(gateway.port, head % len(raw) + raw).partition(b"\r\n\r\n")[0].lower()
    assert received.count(b"\r\ncache-control:") == 1
    assert received.count(b"\r\ncontent-type:") == 1


@pytest.mark.parametrize("stream", [False, True])
def test_encoded_answer_arrives_decoded(stage: Stage, stream: bool) -> None:
    """A compressed body is decoded, and neither `Content-Encoding` nor the old length comes with it."""
    events = b"".join(sse(event) for event in (finish_chunk(), "[DONE]"))
    body = events if stream else json.dumps(completion("hi")).encode()
    stage.upstream.script(answer(gzip.compress(body), headers={"content-encoding": "gzip"}))
    reply = forward(stage).chat(stream=stream)
    assert "content-encoding" not in reply.headers
    assert reply.body == body
    assert stream or int(reply.headers["content-length"]) == len(body)


def test_health_tells_the_mode(stage: Stage) -> None:
    """`/healthz` says which mode is on."""
    assert forward(stage).get("/healthz").json()["provider_mode"] == "forward"


def test_dummies_and_agents_stay_here_and_an_agent_asks_the_process(stage: Stage) -> None:
    """Dummy models and `mini-agent` do not go to the process; what an agent asks does."""
    agent = {"model_name": "agent", "litellm_params": {"model": "mini-agent/m1"}}
    config = {"model_list": [stage.entry(), agent]}
    gateway = forward(stage, config, environ={"MINI_AGENT_ALLOW_DUMMY": "1"})
    assert gateway.chat(model="dummy").headers["x-mini-agent-provider"] == "scripted"
    assert stage.upstream.requests == []
    reply = gateway.chat(model="agent")
    assert (reply.text, reply.headers["x-mini-agent-provider"]) == ("hi there", "mini_agent")
    assert [seen.body["model"] for seen in stage.upstream.requests] == ["m1"]


def test_every_other_provider_goes_through_the_process(stage: Stage) -> None:
    """Providers of LiteLLM, codex agents and listed or unlisted models: none needs a package or a key here."""
    entries = [stage.entry("m1", "mistral/large"), stage.entry("m2", "codex-agent/x")]
    general = {"general_settings": {"master_key": "mk-of-clients", "allow_unlisted_models": True}}
    gateway = forward(stage, {"model_list": entries, **general})
    stage.upstream.script(speak(Script((Words("hi there"),))))
    for model in ("m1", "m2", "openai/gpt-4o-20240806", "anthropic/claude"):
        reply = gateway.chat(model=model, headers=KEY)
        assert (reply.status, reply.text, reply.headers["x-mini-agent-provider"]) == (200, "hi there", "forward")
    asked = [(seen.path, seen.body["model"]) for seen in stage.upstream.requests]
    chat = "/v1/chat/completions"
    assert asked == [(chat, "m1"), (chat, "m2"), (chat, "openai/gpt-4o-20240806"), ("/v1/messages", "anthropic/claude")]


def test_process_that_is_down_is_502(stage: Stage) -> None:
    """An external process that refuses connections is an unavailable backend, not a fault of ours."""
    gateway = forward(stage)
    stage.upstream.stop_listening()
    reply = gateway.chat()
    assert (reply.status, reply.error["code"]) == (502, "backend_unavailable")


def test_refused_forward_key_is_502(stage: Stage) -> None:
    """The process's way to refuse a key without a database is `provider_auth`: the client did nothing wrong."""
    stage.upstream.script(refuse(400, "No connected db."))
    reply = forward(stage).chat()
    assert (reply.status, reply.error["code"]) == (502, "provider_auth")


def test_process_that_does_not_know_the_model_is_404(stage: Stage) -> None:
    """A group that the process lacks, because its file is another one, is an unknown model."""
    stage.upstream.script(refuse(400, "/chat/completions: Invalid model name passed in model=m1. Call `/v1/models`"))
    reply = forward(stage).chat()
    assert (reply.status, reply.error["code"]) == (404, "model_not_found")


def test_gateway_that_forwards_to_itself_ends(stage: Stage) -> None:
    """An address that points back is found by the hop count, after three rounds."""
    with_self = stage.gateway(
        {"model_list": [stage.entry()]},
        {"MINI_AGENT_PROVIDER_MODE": "forward", "MINI_AGENT_FORWARD_URL": stage.upstream.base},
    )
    stage.upstream.script(hop_back(with_self))
    reply = with_self.chat()
    assert reply.status == 502
    assert len(stage.upstream.requests) == 3


def hop_back(gateway: Gateway) -> Any:
    """Returns: a behaviour that sends a request back to the gateway it came from."""
    import aiohttp
    from aiohttp import web

    async def behave(request: web.Request) -> web.StreamResponse:
        headers = {"x-mini-agent-hop": request.headers["x-mini-agent-hop"]}
        async with aiohttp.ClientSession() as client:
            url = f"{gateway.url}/v1/chat/completions"
            async with client.post(url, json=await request.json(), headers=headers) as reply:
                return web.Response(body=await reply.read(), status=reply.status)

    return behave


@pytest.mark.parametrize("stream", [False, True])
def test_client_that_leaves_cancels_the_request(stage: Stage, stream: bool) -> None:
    """A client that goes away cancels the request at the process within a second."""
    stage.upstream.script(pieces(sse(finish_chunk()), end="hang") if stream else hang())
    connection = forward(stage).open_stream(
        {"model": "m1", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    )
    stage.upstream.wait_requests(1)
    connection.close()
    assert stage.upstream.wait_dropped(1.0)


@pytest.mark.parametrize(("configured", "warned"), [(True, False), (False, True)])
def test_start_warns_when_the_user_header_would_be_lost(stage: Stage, configured: bool, warned: bool) -> None:
    """Without LiteLLM's setting the user's header ends at the process; the log says so once, at start."""
    general = {"master_key": "mk-of-clients", "forward_client_headers_to_llm_api": configured}
    text = forward(stage, {"general_settings": general}).log_text()
    assert text.count("forward_client_headers_to_llm_api") == (1 if warned else 0)


def test_streams_pass_as_they_come(stage: Stage) -> None:
    """Events of the process reach the client unchanged, in one request."""
    stage.upstream.script(text_stream("a", "a", "b"))
    events = events_of(forward(stage).chat(stream=True).body)
    assert [event["choices"][0]["delta"].get("content") for event in events[1:-2]] == ["a", "a", "b"]
    assert events[-1] == "[DONE]"
    assert len(stage.upstream.requests) == 1
