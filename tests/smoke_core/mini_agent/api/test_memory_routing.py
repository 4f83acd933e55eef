"""`/memory-routing/info`: equal flat and nested facts, and no secret."""

from __future__ import annotations

import json
from typing import Any

from support.cookies import cookie_from
from support.gateway import Stage
from support.http_client import raw_exchange

MASTER = "mk-routing-0123"
AUTHORISED = {"authorization": f"Bearer {MASTER}"}
FACTS = ("user_id", "matched_pattern", "custom_header_present", "is_default")
PATTERNS = {
    "header_patterns": [
        {"header": "User-Agent", "pattern": "pycharm", "user_id": "pycharm"},
        {"header": "x-access-token", "pattern": "^team-", "user_id": "team"},
    ]
}


def config(stage: Stage, **general: Any) -> dict[str, Any]:
    """Return a configuration with a master key and patterns."""
    return {
        "general_settings": {"master_key": MASTER, **general},
        "model_list": [stage.entry()],
        "user_id_mappings": PATTERNS,
    }


def facts(info: dict[str, Any]) -> tuple[Any, ...]:
    """Return the four facts, checked to be the same flat and nested."""
    assert info["routing"] == {name: info[name] for name in FACTS}
    return tuple(info[name] for name in FACTS)


def test_without_configuration_everybody_is_the_default_user(stage: Stage) -> None:
    """Detection needs no file."""
    info = stage.gateway({}).get("/memory-routing/info").json()
    assert facts(info) == ("default-dev", None, False, True)


def test_pattern_and_custom_header_are_told_apart(stage: Stage) -> None:
    """The pattern that decided is shown; with the custom header there is none, whatever would have matched."""
    gateway = stage.gateway(config(stage))
    agent = {"User-Agent": "PyCharm/2026"}
    match = {"header": "user-agent", "value": "PyCharm/2026", "pattern": "pycharm", "user_id": "pycharm"}
    assert facts(gateway.get("/memory-routing/info", agent).json()) == ("pycharm", match, False, False)
    named = gateway.get("/memory-routing/info", {**agent, "X-Memory-User-ID": " ada "}).json()
    assert facts(named) == ("ada", None, True, False)


def test_of_duplicate_headers_the_first_counts(stage: Stage) -> None:
    """Also when it is blank: then there is none."""
    gateway = stage.gateway()
    for first, user in ((b"ada", "ada"), (b"", "default-dev")):
        lines = [b"GET /memory-routing/info HTTP/1.1", b"host: 127.0.0.1", b"connection: close"]
        lines += [b"X-Memory-User-Id: " + first, b"x-memory-user-id: bob", b"", b""]
        body = raw_exchange(gateway.port, b"\r\n".join(lines)).partition(b"\r\n\r\n")[2]
        assert json.loads(body)["user_id"] == user


def test_headers_are_shown_without_any_secret(stage: Stage) -> None:
    """Sensitive headers are redacted, cookies left out, known secrets cut out of other headers and of the match."""
    sent = {
        **AUTHORISED,
        "Cookie": "sid=c00kie-value",
        "X-Access-Token": "team-t0ken-value",
        "X-Note": f"key {MASTER} and sk-abcdef123456",
        "User-Agent": "curl/8",
    }
    reply = stage.gateway(config(stage)).get("/memory-routing/info", sent)
    info = reply.json()
    assert info["request_headers"]["authorization"] == "[redacted]"
    assert info["request_headers"]["user-agent"] == "curl/8"
    assert "cookie" not in info["request_headers"]
    assert info["matched_pattern"]["value"] == "[redacted]"
    assert info["user_id"] == "team"
    for secret in (MASTER, "c00kie-value", "t0ken-value", "sk-abcdef"):
        assert secret not in reply.body.decode()


def test_session_info_is_the_callers_own_and_for_authorised_callers(stage: Stage) -> None:
    """How many cookies a user has is told to who has the key, and about that user only."""
    stage.upstream.script(cookie_from("x-sm-user-id"))
    gateway = stage.gateway(config(stage))
    ada = {"x-memory-user-id": "ada"}
    before = gateway.get("/memory-routing/info", {**AUTHORISED, **ada}).json()
    assert before["session_info"] == {"initialized": False, "cookie_count": 0}
    assert gateway.chat(headers={**AUTHORISED, **ada}).status == 200
    after = gateway.get("/memory-routing/info", {**AUTHORISED, **ada}).json()
    assert after["session_info"] == {"initialized": True, "cookie_count": 1}
    other = gateway.get("/memory-routing/info", {**AUTHORISED, "x-memory-user-id": "bob"}).json()
    assert other["session_info"] == {"initialized": False, "cookie_count": 0}
    for headers in (ada, {**ada, "authorization": "Bearer wrong"}):
        assert "session_info" not in gateway.get("/memory-routing/info", headers).json()


def test_protected_info_needs_the_key(stage: Stage) -> None:
    """With `protect_routing_info` the route answers 401 without it."""
    gateway = stage.gateway(config(stage, protect_routing_info=True))
    assert gateway.get("/memory-routing/info").error["code"] == "invalid_api_key"
    assert gateway.get("/memory-routing/info", AUTHORISED).json()["user_id"] == "default-dev"


def test_an_id_that_cannot_be_one_is_refused_by_the_headers_name(stage: Stage) -> None:
    """The same 400 on every route that detects."""
    gateway = stage.gateway()
    bad = {"x-memory-user-id": "a b"}
    body = {"model": "m1", "messages": [{"role": "user", "content": "hi"}]}
    replies = [
        gateway.get("/memory-routing/info", bad),
        gateway.chat(headers=bad),
        gateway.post("/agent/run", body, bad),
    ]
    for reply in replies:
        assert (reply.status, reply.error["code"]) == (400, "invalid_parameter")
        assert reply.error["param"] == "x-memory-user-id"
    assert stage.upstream.requests == []


def test_switched_off_it_says_so_and_nothing_of_memory_happens(stage: Stage) -> None:
    """`MINI_AGENT_MEMORY_ROUTING=0`: no router, no user header, no retrieval, no memory key, no cookies."""
    memory = stage.memory_service()
    stage.upstream.script(cookie_from("x-request-id"))
    root = {
        **config(stage, memory_hosts=["127.0.0.1"]),
        "context_retrieval": memory.section(),
    }
    environ = {"MINI_AGENT_MEMORY_ROUTING": "0", "SUPERMEMORY_API_KEY": "sm-1234"}
    gateway = stage.gateway(root, environ)
    assert gateway.get("/memory-routing/info").json() == {"error": "Memory router not initialized"}
    for _ in range(2):
        assert gateway.chat(headers={**AUTHORISED, "x-memory-user-id": "ada"}).status == 200
    for seen in stage.upstream.requests:
        for name in ("x-sm-user-id", "x-supermemory-api-key", "cookie"):
            assert seen.header(name) is None
    assert memory.requests == []
