"""The parity suite with real processes: `mini-agent serve` in every way, and a real LiteLLM process beside them.

The harness starts LiteLLM in an environment of its own, with the file that both gateways read.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import pytest
import yaml

from mini_agent.sidecar import START_S
from support.gateway import GatewayProcess
from support.http_client import HttpClient
from support.parity.suite import CASES, MASTER, Case
from support.parity.world import CONFIG, World

pytestmark = [pytest.mark.shard("shard_b"), pytest.mark.needs("litellm")]

KEY = {"authorization": f"Bearer {MASTER}"}
EVIL = "sk-evil-key-000"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Three gateway processes: the fast path, LiteLLM in process, and forward. Provider and LiteLLM are services."""
    environ = {name: os.environ[name] for name in ("PARITY_ROOT", "PARITY_BASE")}
    forward = {"MINI_AGENT_PROVIDER_MODE": "forward", "MINI_AGENT_FORWARD_URL": os.environ["PARITY_LITELLM"]}
    in_process = tmp_path_factory.mktemp("parity") / "in_process.yaml"
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    for entry in config["model_list"]:
        entry["model_info"] = {"transport": "sdk"}
    in_process.write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML.
    modes = {"sdk": (CONFIG, environ), "litellm": (in_process, environ), "forward": (CONFIG, {**environ, **forward})}
    provider = urlsplit(environ["PARITY_ROOT"])
    assert provider.hostname
    assert provider.port
    with ExitStack() as stack:
        gateways = {}
        for mode, (file, variables) in modes.items():
            started = GatewayProcess("serve", "--port", "0", "--config", str(file), environ=variables)
            gateways[mode] = stack.enter_context(started)
        for gateway in gateways.values():
            gateway.wait_listening()
        # The package takes seconds to import, on a busy machine more than one request has patience for.
        with suppress(TimeoutError):
            gateways["litellm"].chat(headers=KEY)
        yield World(gateways, HttpClient(provider.hostname, provider.port))


@pytest.mark.parametrize("case", [case for case in CASES if not case.scripted_only], ids=lambda case: case.name)
def test_all_ways_answer_and_ask_the_same(world: World, case: Case) -> None:
    """User, model ids, errors, OpenAI keys, injected headers, context, framing and number of requests are equal."""
    sdk, litellm, forward = (world.facts(case, mode) for mode in ("sdk", "litellm", "forward"))
    assert litellm.answer == sdk.answer
    assert litellm.asked == sdk.asked
    assert forward.answer == sdk.answer
    assert forward.asked == sdk.asked


def relayed(world: World, request_id: str, body: object, **headers: str) -> list[dict[str, object]]:
    """Post an embedding through the gateway. Returns: what the provider saw of it."""
    reply = world.gateways["forward"].post("/v1/embeddings", body, {**KEY, "x-request-id": request_id, **headers})
    assert reply.status in (200, 502), reply.body
    seen: list[dict[str, object]] = json.loads(world.provider.get(f"/log/{request_id}").body)
    return seen


@pytest.mark.parametrize(
    "order",
    [
        {"api_key": EVIL},
        {"headers": {"authorization": f"Bearer {EVIL}"}},
        {"extra_headers": {"authorization": f"Bearer {EVIL}"}},
        {"extra_body": {"api_key": EVIL}},
        {"api_base": "http://127.0.0.1:9/evil"},
        {"custom_llm_provider": "anthropic"},
    ],
    ids=lambda order: next(iter(order)),
)
def test_orders_that_litellm_would_obey_do_not_reach_it_through_the_relay(
    world: World, order: dict[str, object]
) -> None:
    """LiteLLM obeys these in anybody's body; through the gateway the provider sees the operator's key alone."""
    (seen,) = relayed(world, f"relay-{next(iter(order))}", {"model": "m1", "input": "x", **order})
    assert seen["path"] == "/v1/embeddings"
    assert seen["headers"]["authorization"] == "Bearer sk-upstream-0123456789"  # type: ignore[index]
    assert "evil" not in json.dumps(seen)


def test_litellm_really_obeys_such_an_order(world: World) -> None:
    """The same request straight to LiteLLM carries the foreign key: what the gateway takes out is no idle fear."""
    address = urlsplit(os.environ["PARITY_LITELLM"])
    assert address.hostname
    assert address.port
    body = {"model": "m1", "input": "x", "api_key": EVIL}
    HttpClient(address.hostname, address.port).post("/v1/embeddings", body, {**KEY, "x-request-id": "straight"})
    (seen,) = json.loads(world.provider.get("/log/straight").body)
    assert seen["headers"]["authorization"] == f"Bearer {EVIL}"


def test_client_that_leaves_is_noticed_through_both_processes(world: World) -> None:
    """A client that drops a stream ends it at the provider, through gateway and LiteLLM."""
    order = json.dumps({"events": [{"role": "assistant", "content": "a"}] * 50 + ["hang"]})
    body = {"model": "m1", "stream": True, "messages": [{"role": "user", "content": order}]}
    gateway = world.gateways["forward"]
    gateway.headers.update(KEY, **{"x-request-id": "leaver"})
    connection = gateway.open_stream(body)
    try:
        assert connection.getresponse().readline().startswith(b"data: ")
    finally:
        connection.close()
        gateway.headers.clear()
    assert json.loads(world.provider.get("/gone/leaver").body) == {"ok": True}


def test_one_command_starts_litellm_and_takes_it_down(world: World) -> None:
    """`--with-litellm` starts the real program from its own environment; it answers, and ends with the gateway."""
    names = ("PARITY_ROOT", "PARITY_BASE", "MINI_AGENT_LITELLM")
    words = ("serve", "--port", "0", "--mode", "forward", "--with-litellm", "--config", str(CONFIG))
    with GatewayProcess(*words, environ={name: os.environ[name] for name in names}) as gateway:
        gateway.wait_for(r'"message":"litellm is ready","port":(\d+)', START_S)
        litellm = gateway.port
        gateway.wait_listening()
        reply = gateway.chat(headers=KEY)
        assert (reply.status, reply.headers["x-mini-agent-provider"]) == (200, "forward"), reply.body
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0
    with pytest.raises(ConnectionRefusedError):
        HttpClient("127.0.0.1", litellm).get("/health/liveliness")
