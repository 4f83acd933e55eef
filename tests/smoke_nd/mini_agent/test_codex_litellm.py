"""Codex agents as LiteLLM custom providers, with the real package."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import respx
import yaml

from greenlane.config.lanes import Router
from greenlane.ext.llm.guard import NO_KEY, stub
from greenlane.plugin.answers import Show
from mini_agent.settings.providers import LITELLM_PROVIDERS
from mini_agent.upstreams.codex.litellm_adapter import PROVIDERS, register_codex_agent
from mini_agent.upstreams.litellm.loader import import_litellm
from support.gateway import Stage, inherited
from support.upstream import answer, chunk, completion, finish_chunk, stream_of, usage_chunk

pytestmark = [
    pytest.mark.shard("shard_a"),
    pytest.mark.leaks("importing litellm sets variables and log filters, and using it starts threads, for ever"),
    # LiteLLM 1.106.2 warns about its own types when it makes its first stream chunk.
    pytest.mark.filterwarnings("ignore:Item 'summary' on TypedDict class:UserWarning"),
    pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning"),
]

ON = {"LITELLM_ENABLE_CODEX_AGENT": "1", "CODEX_AGENT_MAX_RETRIES": "0"}
MESSAGES = [{"role": "user", "content": "hi"}]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
FRAGMENTS = [
    chunk({"role": "assistant", "content": "a"}),
    chunk({"content": "a"}),
    chunk(
        {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a"'}}]}
    ),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]}),
    finish_chunk("tool_calls"),
    usage_chunk(),
]


@pytest.fixture
def litellm() -> Iterator[Any]:
    """The package, with its provider map as it was before."""
    module = import_litellm()
    kept = (list(module.custom_provider_map), list(module._custom_providers), list(module.provider_list))
    yield module
    module.custom_provider_map[:], module._custom_providers[:], module.provider_list[:] = kept


def router(litellm: Any, base: str, model: str = "codex-agent/m1") -> Any:
    """Returns: a Router with the group `codex-agent-1`."""
    params = {"model": model, "api_base": base, "api_key": "gateway-key-1", "max_retries": 0}
    return litellm.Router(model_list=[{"model_name": "codex-agent-1", "litellm_params": params}], num_retries=0)


def test_the_harness_stub_over_litellms_own_client(litellm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """LiteLLM's httpx client asks the Codex group of the stub at the one base, with its name and no secret of ours."""
    monkeypatch.setattr(litellm, "disable_aiohttp_transport", True)
    litellm.in_memory_llm_clients_cache.flush_cache()
    models = yaml.safe_load(stub(Router(), ("codex-agent-1",), "https://base.test"))["model_list"]
    with respx.mock(base_url="https://base.test") as host:
        route = host.post("/v1/chat/completions").respond(json=completion("four"))
        asked = litellm.Router(model_list=models, num_retries=0).completion(model="codex-agent-1", messages=MESSAGES)
    assert asked.choices[0].message.content == "four"
    (call,) = route.calls
    assert json.loads(call.request.content)["model"] == "codex-agent-1"
    assert call.request.headers["authorization"] == f"Bearer {NO_KEY}"
    litellm.in_memory_llm_clients_cache.flush_cache()


def check_answer(answer: Any) -> None:
    """Check that tool calls, usage and finish reason have survived."""
    (choice,) = answer.choices
    (call,) = choice.message.tool_calls
    assert (call.id, call.function.name, json.loads(call.function.arguments)) == ("c1", "f", {"a": 1})
    assert (choice.finish_reason, answer.usage.total_tokens, choice.message.content) == ("tool_calls", 7, "")


def check_chunks(chunks: list[Any]) -> None:
    """Check that text, tool-call fragments, finish reason and usage have survived."""
    deltas = [choice.delta for item in chunks for choice in item.choices]
    fragments = [fragment for delta in deltas for fragment in delta.tool_calls or []]
    assert "".join(delta.content or "" for delta in deltas) == "aa"
    assert "".join(fragment.function.arguments for fragment in fragments) == '{"a": 1}'
    assert [fragment.function.name for fragment in fragments if fragment.function.name] == ["f"]
    assert [c.finish_reason for item in chunks for c in item.choices if c.finish_reason] == ["tool_calls"]
    assert [item.usage.total_tokens for item in chunks if getattr(item, "usage", None)] == [3]


@pytest.mark.parametrize("model", ["codex-agent/m1", "codex_cli_agent/m1", "codex-agent/codex/m1"])
def test_router_group_answers_through_a_running_gateway(litellm: Any, stage: Stage, model: str) -> None:
    """`codex-agent-1` at a gateway: tool calls, usage and finish reason arrive, sync and async."""
    assert register_codex_agent(ON)
    gateway = stage.gateway(environ={"MINI_AGENT_MASTER_KEY": "gateway-key-1"})
    stage.upstream.script(answer(completion(None, tool_calls=[CALL])))
    group = router(litellm, f"{gateway.url}/v1", model)
    check_answer(group.completion("codex-agent-1", MESSAGES, tools=TOOLS))
    check_answer(asyncio.run(group.acompletion("codex-agent-1", MESSAGES, tools=TOOLS)))
    assert [seen.body["tools"] for seen in stage.upstream.requests] == [TOOLS, TOOLS]


def test_router_group_streams_through_a_running_gateway(litellm: Any, stage: Stage) -> None:
    """The same for streams, sync and async, with one request at the provider each."""
    assert register_codex_agent(ON)
    gateway = stage.gateway(environ={"MINI_AGENT_MASTER_KEY": "gateway-key-1"})
    stage.upstream.script(stream_of(FRAGMENTS))
    group = router(litellm, gateway.url)
    options: dict[str, Any] = {"tools": TOOLS, "stream": True, "stream_options": {"include_usage": True}}
    check_chunks(list(group.completion("codex-agent-1", MESSAGES, **options)))

    async def collect() -> list[Any]:
        return [item async for item in await group.acompletion("codex-agent-1", MESSAGES, **options)]

    check_chunks(asyncio.run(collect()))
    assert len(stage.upstream.requests) == 2


def test_all_four_kinds_of_calls_connect_to_the_agent_and_nowhere_else(stage: Stage) -> None:
    """Whether LiteLLM is imported before or after, the only address that a call goes to is the agent's."""
    script = """
import asyncio, json, os, sys
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
if sys.argv[1] == "before":
    import litellm
from mini_agent.upstreams.codex.litellm_adapter import register_codex_agent
opened = set()
done = register_codex_agent({"LITELLM_ENABLE_CODEX_AGENT": "1"})
import litellm
router = litellm.Router(model_list=[{"model_name": "codex-agent-1", "litellm_params": {
    "model": "codex-agent/m1", "api_base": sys.argv[2], "api_key": "k"}}], num_retries=0)
messages = [{"role": "user", "content": "hi"}]
async def both():
    one = await router.acompletion("codex-agent-1", messages)
    two = [c async for c in await router.acompletion("codex-agent-1", messages, stream=True)]
    # A synchronous call works on a running loop, too, whose thread it blocks.
    return one, two, router.completion("codex-agent-1", messages)
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        opened.add(arguments[1] if event == "socket.connect" else arguments[:2])
sys.addaudithook(watch)
one = router.completion("codex-agent-1", messages)
two = list(router.completion("codex-agent-1", messages, stream=True))
three, four, five = asyncio.run(both())
print(json.dumps({
    "registered": bool(done), "opened": sorted(opened),
    "plain": [a.choices[0].message.tool_calls[0].id for a in (one, three, five)],
    "streamed": ["".join(c.choices[0].delta.content or "" for c in s if c.choices) for s in (two, four)],
}))
"""
    plain, streamed = answer(completion(None, tool_calls=[CALL])), stream_of(FRAGMENTS)
    port = int(stage.upstream.base.split(":")[2].split("/")[0])
    for order in ("before", "after"):
        stage.upstream.script(plain, streamed, plain, streamed, plain)
        command = [sys.executable, "-c", script, order, stage.upstream.base]
        run = subprocess.run(command, capture_output=True, text=True, env=inherited(), timeout=150, check=False)
        assert run.returncode == 0, run.stderr
        assert json.loads(run.stdout.splitlines()[-1]) == {
            "registered": True,
            "opened": [["127.0.0.1", port]],
            "plain": ["c1", "c1", "c1"],
            "streamed": ["aa", "aa"],
        }
    assert {seen.path for seen in stage.upstream.requests} == {"/v1/chat/completions"}


@pytest.mark.parametrize("flag", [None, "", "0", "true", "yes", " 1"])
def test_flag_must_be_exactly_one(litellm: Any, flag: str | None) -> None:
    """Any other value registers nothing and says why."""
    before = list(litellm.custom_provider_map)
    result = register_codex_agent({} if flag is None else {"LITELLM_ENABLE_CODEX_AGENT": flag})
    assert not result
    assert "LITELLM_ENABLE_CODEX_AGENT" in result.reason
    assert litellm.custom_provider_map == before


def test_registration_is_idempotent_and_keeps_foreign_ones(litellm: Any) -> None:
    """Twice is once; a name that somebody else holds stays theirs and is reported."""
    theirs = {"provider": "codex-agent", "custom_handler": object()}
    litellm.custom_provider_map.append(theirs)
    first, second = register_codex_agent(ON), register_codex_agent(ON)
    assert first == second
    assert not first
    assert (first.providers, "codex-agent" in first.reason) == (("codex_cli_agent",), True)
    names = [item["provider"] for item in litellm.custom_provider_map]
    assert [names.count(name) for name in PROVIDERS] == [1, 1]
    assert litellm.custom_provider_map[names.index("codex-agent")] is theirs


@pytest.mark.parametrize(("status", "expected"), [(429, "RateLimitError"), (401, "AuthenticationError")])
def test_refusals_keep_their_meaning_without_a_traceback(
    litellm: Any, stage: Stage, status: int, expected: str
) -> None:
    """A 429 of the agent is LiteLLM's RateLimitError; no traceback and no secret is in the text."""
    secret = "sk-agent-secret-99"
    stage.upstream.script(answer({"error": {"message": f"no {secret} " + "x" * 900}}, status))
    assert register_codex_agent(ON)
    with pytest.raises(getattr(litellm, expected)) as caught:
        litellm.completion(model="codex-agent/m1", messages=MESSAGES, api_base=stage.upstream.base, max_retries=0)
    text = str(caught.value)
    assert "Traceback" not in text
    assert secret not in text
    assert text.count("x" * 401) == 0


def test_missing_base_names_the_variable(litellm: Any) -> None:
    """Without base address the error says which variable to set."""
    assert register_codex_agent(ON)
    with pytest.raises(litellm.BadRequestError, match="CODEX_AGENT_API_BASE"):
        litellm.completion(model="codex-agent/m1", messages=MESSAGES)


def test_provider_names_are_those_of_the_package(litellm: Any) -> None:
    """The list we carry has no name that LiteLLM lacks, and lacks no name but its internal ones."""
    theirs = {str(getattr(name, "value", name)) for name in litellm.provider_list}
    internal = {"custom", "human", "litellm_agent"}
    assert LITELLM_PROVIDERS - theirs == set()
    assert theirs - LITELLM_PROVIDERS - internal == set()


def of_the_lane(litellm: Any) -> Any:
    """Returns: a Router made of the file that the lane was given, be it the harness's stub or the caller's own."""
    content = yaml.safe_load(Path(os.environ["LITELLM_ROUTER_CONFIG"]).read_text())
    return litellm.Router(model_list=content["model_list"], num_retries=0)


def asked(router: Any, prompt: str) -> Any:
    """Returns: what the group that tests ask for answers."""
    messages = [{"role": "user", "content": prompt}]
    return router.completion(os.environ["ROUTER_MODEL_GROUP"], messages, max_tokens=24)


def test_the_lanes_group_answers(litellm: Any) -> None:
    """The group named by ROUTER_MODEL_GROUP answers through the router file, from the lane's own gateway."""
    answer = asked(of_the_lane(litellm), "what is the capital of France?")
    assert answer.choices[0].message.content.strip()
    assert answer._hidden_params["api_base"].startswith(os.environ["MINI_AGENT_API_BASE"])
    assert "llm_provider-x-mini-agent-provider" in answer._hidden_params["additional_headers"]


@pytest.mark.needs("model")
def test_the_lanes_group_is_the_real_model(litellm: Any, answered: Show) -> None:
    """In block mode, where nothing is echoed or canned, the group's answers are the real model's."""
    router = of_the_lane(litellm)
    for subject in ("a red fox", "an old ship"):
        prompt = f"Tell me about {subject} called {secrets.token_hex(3)}."
        answer = asked(router, prompt)
        text = answer.choices[0].message.content
        answered(prompt, text, model=answer.model, tokens=answer.usage.completion_tokens, request=answer.id)
        assert text.strip()
        assert answer.usage.completion_tokens > 0
