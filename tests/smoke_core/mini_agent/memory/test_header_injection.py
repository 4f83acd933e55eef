"""What a provider sees of the caller: the user, the memory key, and nothing that a client could use to steer."""

from __future__ import annotations

from typing import Any

import pytest

from mini_agent.core.steering import NEVER_ALLOWED
from support.gateway import UPSTREAM_KEY, Stage

MASTER = "mk-inject-0123"
AUTHORISED = {"authorization": f"Bearer {MASTER}"}


def general(**more: Any) -> dict[str, Any]:
    """Return general settings with a master key."""
    return {"master_key": MASTER, **more}


@pytest.mark.parametrize("model", ["m1", "mini-agent/m1"])
def test_every_provider_request_carries_the_user(stage: Stage, model: str) -> None:
    """Plain, streamed, and inside an agent."""
    gateway = stage.gateway({"model_list": [stage.entry()], "general_settings": general(allow_unlisted_models=True)})
    headers = {**AUTHORISED, "x-memory-user-id": "ada", "x-sm-user-id": "eve"}
    assert gateway.chat(model=model, headers=headers).status == 200
    body = {"model": "m1", "messages": [{"role": "user", "content": "hi"}]}
    assert gateway.post("/agent/run", body, headers).status == 200
    assert len(stage.upstream.requests) == 2
    for seen in stage.upstream.requests:
        assert [value for name, value in seen.headers if name.lower() == "x-sm-user-id"] == ["ada"]


def test_the_memory_key_goes_to_memory_hosts_only(stage: Stage) -> None:
    """Two models, one at a host of the list: only that one gets the key, also when clients send one of their own."""
    other = stage.second_upstream()
    entries = [stage.entry("memory"), stage.entry("plain", api_base=other.base.replace("127.0.0.1", "localhost"))]
    settings = general(memory_hosts=["127.0.0.1"], forward_client_headers_to_llm_api=True)
    gateway = stage.gateway(
        {"model_list": entries, "general_settings": settings}, {"SUPERMEMORY_API_KEY": "sm-key-0123"}
    )
    for model in ("memory", "plain"):
        reply = gateway.chat(model=model, headers={**AUTHORISED, "x-supermemory-api-key": "sm-theirs"})
        assert reply.status == 200
    (to_memory,), (to_plain,) = stage.upstream.requests, other.requests
    assert to_memory.header("x-supermemory-api-key") == "sm-key-0123"
    assert to_plain.header("x-supermemory-api-key") is None


@pytest.mark.parametrize("user", ["jürgen-日本", "a" * 20_000])
def test_ids_that_no_header_line_could_hold_reach_the_provider_in_ascii(stage: Stage, user: str) -> None:
    """Neither script nor length of an id makes a request fail."""
    reply = stage.gateway().chat(headers={"x-memory-user-id": user.encode().decode("latin-1")})
    assert reply.status == 200
    (seen,) = stage.upstream.requests
    sent = seen.header("x-sm-user-id") or ""
    assert sent.isascii()
    assert 0 < len(sent) <= 512


def test_no_override_reaches_a_provider_in_body_or_headers(stage: Stage) -> None:
    """Base, key, headers, provider, time and retries are the operator's, whatever a client sends and is passed on."""
    evil = stage.second_upstream()
    override = {
        "api_base": evil.base,
        "base_url": evil.base,
        "api_key": "sk-theirs-0123",
        "extra_headers": {"x-evil": "1", "authorization": "Bearer sk-theirs-0123"},
        "custom_llm_provider": "anthropic",
        "timeout": 0.001,
        "max_retries": 50,
        "litellm_params": {"api_base": evil.base},
    }
    assert set(override) == NEVER_ALLOWED
    headers = {f"x-{name.replace('_', '-')}": "sk-theirs-0123" for name in override}
    headers |= {"api_base": evil.base, "x-litellm-api-key": "sk-theirs-0123", "x-litellm-timeout": "0.001"}
    gateway = stage.gateway(
        {
            "model_list": [stage.entry(allowed_openai_params=sorted(override))],
            "general_settings": general(forward_client_headers_to_llm_api=True),
        },
        headers={**AUTHORISED, **headers},
    )
    body = {"model": "m1", "messages": [{"role": "user", "content": "hi"}], **override}
    assert gateway.post("/v1/chat/completions", body).status == 200
    assert gateway.post("/agent/run", body).status == 200
    assert evil.requests == []
    assert len(stage.upstream.requests) == 2
    for seen in stage.upstream.requests:
        assert set(seen.body) <= {"model", "messages"}
        assert seen.header("authorization") == f"Bearer {UPSTREAM_KEY}"
        assert not [(name, value) for name, value in seen.headers if "theirs" in value or "evil" in name.lower()]
        assert not [name for name, _ in seen.headers if name.lower().startswith("x-litellm")]
        assert not {name.lower()[2:].replace("-", "_") for name, _ in seen.headers} & set(override)
