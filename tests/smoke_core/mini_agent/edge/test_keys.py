"""The gateway key."""

from __future__ import annotations

import pytest

from support.gateway import Gateway, Stage

MASTER = "mk-correct-horse"
GUARDED = [("GET", "/v1/models"), ("POST", "/v1/chat/completions"), ("POST", "/chat/completions")]
OPEN = ["/ready", "/healthz", "/metrics", "/openapi.json"]


@pytest.fixture
def guarded(stage: Stage) -> Gateway:
    """A gateway with a master key."""
    return stage.gateway(environ={"MINI_AGENT_MASTER_KEY": MASTER})


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize("body", [None, b"{", b'{"model": "m1"}', b'{"model": "nope", "messages": [1]}'])
@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        (None, "Missing or invalid Authorization header"),
        ("Basic bWs=", "Missing or invalid Authorization header"),
        ("Bearer", "Missing or invalid Authorization header"),
        (f"Token {MASTER}", "Missing or invalid Authorization header"),
        ("Bearer wrong", "Invalid API key"),
        (f"Bearer {MASTER}x", "Invalid API key"),
    ],
)
def test_anonymous_requests_get_401_whatever_the_body(
    guarded: Gateway, method: str, path: str, body: bytes | None, authorization: str | None, message: str
) -> None:
    """The key is checked before the body is looked at."""
    headers = {} if authorization is None else {"authorization": authorization}
    reply = guarded.request(method, path, body, headers)
    assert reply.status == 401
    assert (reply.error["type"], reply.error["code"]) == ("authentication_error", "invalid_api_key")
    assert reply.error["message"] == message
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_right_key_passes_in_any_casing_of_the_scheme(guarded: Gateway, scheme: str) -> None:
    """The scheme is case-insensitive, the key is not."""
    headers = {"authorization": f"{scheme} {MASTER}"}
    assert guarded.chat(headers=headers).status == 200
    assert guarded.get("/v1/models", headers).status == 200


@pytest.mark.parametrize("path", OPEN)
def test_open_routes_need_no_key(guarded: Gateway, path: str) -> None:
    """Health, readiness, metrics and the document are open."""
    assert guarded.get(path).status == 200


def test_environment_key_overrides_the_file(stage: Stage) -> None:
    """`MINI_AGENT_MASTER_KEY` wins over `general_settings.master_key`."""
    config = {"general_settings": {"master_key": "from-file"}}
    gateway = stage.gateway(config, {"MINI_AGENT_MASTER_KEY": "from-environment"})
    assert gateway.get("/v1/models", {"authorization": "Bearer from-environment"}).status == 200
    assert gateway.get("/v1/models", {"authorization": "Bearer from-file"}).status == 401


def test_provider_never_sees_the_gateway_key(guarded: Gateway, stage: Stage) -> None:
    """The client's authorization ends here."""
    guarded.chat(headers={"authorization": f"Bearer {MASTER}"})
    assert MASTER not in str(stage.upstream.requests[0].headers)
