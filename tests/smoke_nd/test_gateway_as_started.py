"""The gateway process that the lane started answers as users meet it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from support.http_client import HttpClient, events_of

pytestmark = pytest.mark.shard("shard_a")


def test_ready_and_identity(gateway: HttpClient) -> None:
    """The started process is ready, and reports the port of the base that the lane was given."""
    assert gateway.get("/ready").json() == {"ok": True}
    health = gateway.get("/healthz").json()
    assert (health["service"], health["port"]) == ("mini-agent", gateway.port)


def test_every_address_variable_names_the_one_base() -> None:
    """Base, aliases, host and port of the lane's environment agree."""
    base = os.environ["MINI_AGENT_API_BASE"]
    assert os.environ["CODEX_AGENT_API_BASE"] == base
    assert f"http://{os.environ['MINI_AGENT_API_HOST']}:{os.environ['MINI_AGENT_API_PORT']}" == base


def test_the_router_has_the_group_that_tests_ask_for() -> None:
    """The router configuration that the lane was given has the group; a stub of the harness points at the one base."""
    config = Path(os.environ["LITELLM_ROUTER_CONFIG"])
    groups = {entry["model_name"]: entry for entry in yaml.safe_load(config.read_text())["model_list"]}
    entry = groups[os.environ["ROUTER_MODEL_GROUP"]]
    if config.name == "router_stub.yaml":
        assert entry["litellm_params"]["api_base"] == f"{os.environ['MINI_AGENT_API_BASE']}/v1"


def test_plain_chat(gateway: HttpClient, group: str) -> None:
    """The lane's model, a dummy or the real one, answers a plain chat request in OpenAI's form."""
    reply = gateway.chat("what is the capital of France?", model=group, max_tokens=8)
    assert reply.status == 200
    assert reply.text == "Paris" if group == "dummy" else reply.text.strip()
    assert (reply.headers["x-mini-agent-provider"] == "scripted") == (group == "dummy")


def test_streamed_chat(gateway: HttpClient, group: str) -> None:
    """A stream carries an answer in chunks and ends with [DONE]."""
    reply = gateway.chat("hello", model=group, stream=True, max_tokens=8)
    events = events_of(reply.body)
    text = "".join(event["choices"][0]["delta"].get("content") or "" for event in events[:-1] if event["choices"])
    assert (reply.status, events[-1]) == (200, "[DONE]")
    assert text == "hello" if group == "dummy" else text.strip()


def test_unknown_model_is_refused_by_name(gateway: HttpClient) -> None:
    """A model that nothing configures is refused before any network use, with the envelope."""
    reply = gateway.chat(model="codex-agent-2")
    assert (reply.status, reply.error["code"]) == (404, "model_not_found")
    assert "codex-agent-2" in reply.error["message"]
    assert reply.error["request_id"] == reply.headers["x-request-id"]
