"""`/ready`, `/healthz`, `/v1/models` and `/metrics`."""

from __future__ import annotations

from mini_agent import __version__
from support.gateway import Gateway, Stage
from support.upstream import refuse, text_stream


def test_ready_is_exact_and_touches_no_model(gateway: Gateway, stage: Stage) -> None:
    """`/ready` is exactly `{"ok": true}` and asks no provider."""
    reply = gateway.get("/ready")
    assert (reply.status, reply.body) == (200, b'{"ok": true}')
    assert stage.upstream.requests == []


def test_healthz_reports_the_real_port(gateway: Gateway) -> None:
    """`/healthz` has all its fields, and the port that accepted the connection."""
    facts = gateway.get("/healthz").json()
    assert isinstance(facts.pop("started_at"), float)
    assert facts == {
        "ok": True,
        "host": "127.0.0.1",
        "port": gateway.port,
        "delay_ms": 0,
        "service": "mini-agent",
        "version": __version__,
        "provider_mode": "sdk",
    }


def test_healthz_passes_the_instance_id_back(stage: Stage) -> None:
    """Whoever started the process can prove that it is theirs."""
    gateway = stage.gateway(environ={"MINI_AGENT_INSTANCE_ID": "run-17"})
    assert gateway.get("/healthz").json()["instance_id"] == "run-17"


def test_models_lists_one_item_per_group(stage: Stage) -> None:
    """The list has the groups in file order, in OpenAI's shape."""
    gateway = stage.gateway({"model_list": [stage.entry("b"), stage.entry("a")]})
    listing = gateway.get("/v1/models").json()
    assert listing["object"] == "list"
    assert [item["id"] for item in listing["data"]] == ["b", "a"]
    item = listing["data"][0]
    assert isinstance(item.pop("created"), int)
    assert item == {
        "id": "b",
        "object": "model",
        "owned_by": "litellm",
        "permission": [],
        "root": "b",
        "parent": None,
    }


def test_models_without_a_list_is_empty(stage: Stage) -> None:
    """No groups, no items."""
    assert stage.gateway({}).get("/v1/models").json()["data"] == []


def test_requests_are_counted_by_template_method_and_status(gateway: Gateway) -> None:
    """Known paths count under their template, all others under `other`."""
    gateway.chat()
    gateway.get("/some/private/path")
    gateway.request("BREW", "/ready")
    name = "mini_agent_requests_total"
    assert gateway.metric(name, route="/v1/chat/completions", method="POST", status="200") == 1
    assert gateway.metric(name, route="other", method="GET", status="404") == 1
    assert gateway.metric("mini_agent_request_seconds_count", route="/v1/chat/completions") == 1
    text = gateway.get("/metrics").body.decode()
    assert "private" not in text
    assert "BREW" not in text


def test_provider_errors_are_counted_by_client_group_and_code(stage: Stage) -> None:
    """Failures count for plain and streamed requests alike."""
    stage.upstream.script(refuse(429))
    gateway = stage.gateway()
    gateway.chat()
    gateway.chat(stream=True)
    labels = {"provider": "openai_http", "group": "m1", "code": "rate_limit_exceeded"}
    assert gateway.metric("mini_agent_provider_errors_total", **labels) == 2


def test_unlisted_models_share_one_label(stage: Stage) -> None:
    """A model outside the list is `unlisted` in the metrics: clients cannot create series."""
    stage.upstream.script(refuse(500))
    gateway = stage.gateway({}, {"CHUTES_API_BASE": stage.upstream.base, "CHUTES_API_KEY": "k"})
    gateway.chat(model="chutes/secret-name")
    assert gateway.metric("mini_agent_provider_errors_total", group="unlisted") == 1
    assert b"secret-name" not in gateway.get("/metrics").body


def test_streams_in_flight_returns_to_zero(stage: Stage) -> None:
    """The gauge falls back when a stream has ended."""
    stage.upstream.script(text_stream("a"))
    gateway = stage.gateway()
    gateway.chat(stream=True)
    assert gateway.metric("mini_agent_streams_in_flight") == 0


def test_head_works_where_get_does(gateway: Gateway) -> None:
    """Probes may use HEAD."""
    reply = gateway.request("HEAD", "/ready")
    assert (reply.status, reply.body) == (200, b"")
