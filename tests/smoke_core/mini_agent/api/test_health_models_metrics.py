"""`/ready`, `/healthz`, `/v1/models` and `/metrics`."""

from __future__ import annotations

import pytest

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


ANTHROPIC = {"anthropic-version": "2023-06-01"}


def test_a_model_is_told_of_by_its_name(stage: Stage) -> None:
    """A group, whatever its name has in it, with the date that clients append; nothing else is a model."""
    gateway = stage.gateway({"model_list": [stage.entry("a"), stage.entry("org/b")]})
    listed = gateway.get("/v1/models").json()["data"]
    assert [gateway.get(f"/v1/models/{name}").json() for name in ("a", "org/b", "a-20250514")] == [*listed, listed[0]]
    reply = gateway.get("/v1/models/aa")
    assert (reply.status, reply.error["code"], reply.error["param"]) == (404, "model_not_found", "model")
    assert "did you mean 'a'" in reply.error["message"]
    assert 'route="/v1/models/{model}"' in gateway.get("/metrics").body.decode()


@pytest.mark.parametrize("mode", ["sdk", "forward"])
def test_models_have_the_shape_that_the_headers_ask_for(stage: Stage, mode: str) -> None:
    """Anthropic's clients get Anthropic's list in pages, its item, and its envelope of errors."""
    environ = {"MINI_AGENT_PROVIDER_MODE": mode, "MINI_AGENT_MASTER_KEY": "mk-0123456789"}
    gateway = stage.gateway({"model_list": [stage.entry(name) for name in "abcd"]}, environ)
    headers = {**ANTHROPIC, "x-api-key": "mk-0123456789"}

    def page(query: str) -> tuple[list[str], bool]:
        body = gateway.get(f"/v1/models?{query}", headers).json()
        names = [item["id"] for item in body["data"]]
        assert (body["first_id"], body["last_id"]) == (names[0], names[-1])
        return names, body["has_more"]

    assert page("") == (["a", "b", "c", "d"], False)
    assert page("limit=2") == (["a", "b"], True)
    assert page("limit=2&after_id=b") == (["c", "d"], False)
    assert page("limit=2&before_id=d") == (["b", "c"], True)
    item = gateway.get("/v1/models/b", headers).json()
    assert item.pop("created_at").endswith("Z")
    assert item == {"type": "model", "id": "b", "display_name": "b"}
    for path in ("/v1/models?limit=0", "/v1/models?after_id=x", "/v1/models/x"):
        assert gateway.get(path, headers).json()["type"] == "error"
    assert gateway.get("/v1/models", ANTHROPIC).json()["error"]["type"] == "authentication_error"
    assert stage.upstream.requests == []


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
