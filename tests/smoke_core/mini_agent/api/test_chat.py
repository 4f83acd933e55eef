"""Chat over HTTP against a real provider on loopback."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from aiohttp import web

from mini_agent.app import Ports
from mini_agent.core.ports import SystemClock
from support.gateway import UPSTREAM_KEY, Gateway, Stage
from support.upstream import answer, completion, held


def test_answer_is_the_providers_bytes_unaltered(stage: Stage) -> None:
    """A plain answer is passed on byte for byte, with our id and the client's name in the headers."""
    raw = json.dumps({**completion("hi"), "extra": {"kept": [1, None]}}, indent=3).encode()
    stage.upstream.script(answer(raw))
    reply = stage.gateway().chat()
    assert (reply.status, reply.body) == (200, raw)
    assert reply.headers["x-mini-agent-provider"] == "openai_http"
    assert reply.headers["content-type"] == "application/json"


def test_provider_sees_its_own_model_name_key_id_and_hop(stage: Stage) -> None:
    """The provider gets its model name, our key, the request id, the first hop, and no LiteLLM-only settings."""
    entry = stage.entry(rpm=5, temperature=0.25, extra_headers={"X-Team": "blue"})
    reply = stage.gateway({"model_list": [entry]}).chat(headers={"x-request-id": "abc.1"})
    (seen,) = stage.upstream.requests
    assert (seen.method, seen.path) == ("POST", "/v1/chat/completions")
    assert seen.body == {
        "model": "gpt-up",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.25,
    }
    assert seen.header("authorization") == f"Bearer {UPSTREAM_KEY}"
    assert seen.header("x-request-id") == reply.headers["x-request-id"] == "abc.1"
    assert seen.header("x-mini-agent-hop") == "1"
    assert seen.header("x-team") == "blue"


def test_alias_route_answers_the_same(gateway: Gateway) -> None:
    """`/chat/completions` is the same route without prefix."""
    body = {"model": "m1", "messages": [{"role": "user", "content": "hi"}]}
    assert gateway.post("/chat/completions", body).text == "hi there"


def test_client_values_win_over_configured_defaults(stage: Stage) -> None:
    """A default of the entry gives way to the client's value, and is back for the next request."""
    gateway = stage.gateway({"model_list": [stage.entry(temperature=0.25, max_tokens=9)]})
    gateway.chat(temperature=1)
    gateway.chat()
    first, second = (seen.body for seen in stage.upstream.requests)
    assert (first["temperature"], first["max_tokens"]) == (1, 9)
    assert second["temperature"] == 0.25


def test_clients_cannot_change_base_key_headers_or_provider(stage: Stage) -> None:
    """They never go on, and `allowed_openai_params` opens harmless names only; what nobody knows passes as it is."""
    names = ["top_k", "api_base", "api_key", "extra_headers", "timeout"]
    gateway = stage.gateway({"model_list": [stage.entry(allowed_openai_params=names)]})
    reply = gateway.chat(
        top_k=3,
        api_base="http://evil.invalid",
        base_url="http://evil.invalid",
        api_key="sk-theirs",
        extra_headers={"x": "y"},
        custom_llm_provider="anthropic",
        litellm_params={"a": 1},
        max_retries=9,
        timeout=1,
        unknown=True,
    )
    assert reply.status == 200
    (seen,) = stage.upstream.requests
    assert set(seen.body) == {"model", "messages", "top_k", "unknown"}
    dropped = set(reply.headers["x-mini-agent-dropped"].split(", "))
    assert dropped == {"api_base", "base_url", "api_key", "extra_headers", "custom_llm_provider"} | {
        "litellm_params",
        "max_retries",
        "timeout",
    }
    assert seen.header("authorization") == f"Bearer {UPSTREAM_KEY}"


def test_client_headers_go_on_only_when_configured_and_harmless(stage: Stage) -> None:
    """With forwarding on, only `x-*` headers without sensitive names go on, and configured ones win."""
    entry = stage.entry(extra_headers={"X-Team": "configured"})
    sent = {"x-trace": "t1", "x-team": "mine", "x-api-token": "secret-1", "accept-language": "de"}
    closed = stage.gateway({"model_list": [entry]})
    opened = stage.gateway(
        {
            "model_list": [entry],
            "general_settings": {"master_key": "mk-12345", "forward_client_headers_to_llm_api": True},
        },
        headers={"authorization": "Bearer mk-12345"},
    )
    for gateway in (closed, opened):
        assert gateway.chat(headers=sent).status == 200
    without, with_them = stage.upstream.requests
    assert without.header("x-trace") is None
    assert with_them.header("x-trace") == "t1"
    assert [value for name, value in with_them.headers if name.lower() == "x-team"] == ["configured"]
    assert with_them.header("x-api-token") is None
    assert with_them.header("accept-language") is None


def test_model_can_be_reached_unlisted_with_an_empty_list(stage: Stage) -> None:
    """Without a model list a known provider/name works when base and key are in the environment."""
    environ = {"CHUTES_API_BASE": stage.upstream.base, "CHUTES_API_TOKEN": "ck-1"}
    assert stage.gateway({}, environ).chat(model="chutes/some/model").status == 200
    (seen,) = stage.upstream.requests
    assert seen.body["model"] == "some/model"
    assert seen.header("authorization") == "Bearer ck-1"


def test_transport_http_sends_any_provider_over_the_fast_path(stage: Stage) -> None:
    """`model_info.transport: http` overrides the table of providers."""
    entry = {**stage.entry(model="mistral/large"), "model_info": {"transport": "http"}}
    reply = stage.gateway({"model_list": [entry]}).chat()
    assert reply.headers["x-mini-agent-provider"] == "openai_http"


def test_two_apps_share_no_state(stage: Stage) -> None:
    """A request to one gateway of the process leaves the other's metrics alone."""
    one, two = stage.gateway(), stage.gateway()
    one.chat()
    name, labels = "mini_agent_requests_total", {"route": "/v1/chat/completions"}
    assert (one.metric(name, **labels), two.metric(name, **labels)) == (1, 0)


def test_many_requests_at_once_keep_their_answers(stage: Stage) -> None:
    """Concurrent requests each get the answer to their own question."""

    async def echo(request: web.Request) -> web.StreamResponse:
        question = (await request.json())["messages"][0]["content"]
        return web.json_response(completion(f"re: {question}"))

    stage.upstream.script(echo)
    gateway = stage.gateway()
    questions = [f"q{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(gateway.chat, questions))
    assert [reply.text for reply in replies] == [f"re: {question}" for question in questions]


def test_delay_applies_to_chat_but_not_to_echo(stage: Stage) -> None:
    """The configured delay waits on the injected clock before a real answer, and never before an echo."""
    waits: list[float] = []

    class Recording(SystemClock):
        async def sleep(self, seconds: float) -> None:
            waits.append(seconds)

    environ = {"MINI_AGENT_OPENAI_SHIM_DELAY_MS": "1500"}
    ports = replace(Ports(), clock=Recording())
    stage.gateway(environ=environ, ports=ports).chat()
    stage.gateway(environ={**environ, "MINI_AGENT_OPENAI_SHIM_MODE": "echo"}, ports=ports).chat()
    assert waits == [1.5]


def test_client_that_leaves_cancels_the_provider_request(stage: Stage) -> None:
    """Dropping a plain request cancels it at the provider within a second."""
    stage.upstream.script(held("never"))
    gateway = stage.gateway()
    body = {"model": "m1", "messages": [{"role": "user", "content": "hi"}]}
    connection = gateway.open_stream(body)
    stage.upstream.wait_requests()
    connection.close()
    assert stage.upstream.wait_dropped(1.0)
