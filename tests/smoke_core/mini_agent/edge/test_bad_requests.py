"""Bad input on every route: the right status, the envelope, the request id, and nothing secret in the log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.gateway import UPSTREAM_KEY, Gateway, Stage
from support.http_client import Reply, raw_exchange
from support.upstream import refuse

MESSAGES = [{"role": "user", "content": "hi"}]
CHAT = "/v1/chat/completions"
HEAD = b"host: 127.0.0.1\r\ncontent-type: application/json\r\nconnection: close\r\n"


def assert_error(reply: Reply, status: int, code: str, kind: str = "invalid_request_error") -> None:
    """Check status and the exact shape of the envelope."""
    assert reply.status == status, reply.body
    error = reply.error
    assert (error["code"], error["type"]) == (code, kind)
    assert error["request_id"] == reply.headers["x-request-id"]
    assert isinstance(error["message"], str)
    assert set(reply.json()) == {"error"}
    assert set(error) <= {"message", "type", "code", "request_id", "param"}


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "missing_parameter", "model"),
        ({"model": None, "messages": MESSAGES}, "missing_parameter", "model"),
        ({"model": "m1"}, "missing_parameter", "messages"),
        ({"model": "m1", "messages": []}, "missing_parameter", "messages"),
        ({"model": 5, "messages": MESSAGES}, "invalid_parameter", "model"),
        ({"model": "m1", "messages": "hi"}, "invalid_parameter", "messages"),
        ({"model": "m1", "messages": ["hi"]}, "invalid_parameter", "messages"),
        ({"model": "m1", "messages": [{"content": "hi"}]}, "invalid_parameter", "messages"),
        ({"model": "m1", "messages": MESSAGES, "temperature": "hot"}, "invalid_parameter", "temperature"),
        ({"model": "m1", "messages": MESSAGES, "temperature": True}, "invalid_parameter", "temperature"),
        ({"model": "m1", "messages": MESSAGES, "max_tokens": 1.5}, "invalid_parameter", "max_tokens"),
        ({"model": "m1", "messages": MESSAGES, "stream": "yes"}, "invalid_parameter", "stream"),
        ({"model": "m1", "messages": MESSAGES, "tools": [1]}, "invalid_parameter", "tools"),
        ({"model": "m1", "messages": MESSAGES, "stop": [1]}, "invalid_parameter", "stop"),
        ({"model": "m1", "messages": MESSAGES, "response_format": "json"}, "invalid_parameter", "response_format"),
    ],
)
def test_chat_names_the_field_that_is_wrong(gateway: Gateway, stage: Stage, body: Any, code: str, param: str) -> None:
    """A missing or mistyped field is a 400 that names it, before any network use."""
    reply = gateway.post(CHAT, body)
    assert_error(reply, 400, code)
    assert reply.error["param"] == param
    assert stage.upstream.requests == []


def test_null_counts_as_absent(gateway: Gateway) -> None:
    """Optional fields may be null, as OpenAI clients send them."""
    assert gateway.chat(temperature=None, tools=None, stream=None).status == 200


def test_whole_numbers_may_have_a_decimal_point(gateway: Gateway) -> None:
    """In JSON 5.0 is the integer 5, for chat and for runs."""
    assert gateway.chat(max_tokens=5.0, temperature=1).status == 200
    body = {"model": "m1", "messages": MESSAGES, "max_iterations": 2.0}
    assert gateway.post("/agent/run", body).status == 200


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b'{"model": NaN}', b'{"a": "\xff"}', b"[" * 100_000, b'{"a":' * 60_000]
)
def test_body_that_is_not_json(gateway: Gateway, body: bytes) -> None:
    """Empty, cut, badly encoded or absurdly nested bodies are `invalid_json`."""
    assert_error(gateway.post(CHAT, body), 400, "invalid_json")


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"17", b"null"])
def test_json_that_is_no_object(gateway: Gateway, body: bytes) -> None:
    """JSON that is no object is an invalid parameter, not a fault of ours."""
    assert_error(gateway.post(CHAT, body), 400, "invalid_parameter")


def test_declared_size_above_the_limit_is_refused_unread(stage: Stage) -> None:
    """21 MB are refused from the header alone: the answer comes although the body never does."""
    gateway = stage.gateway()
    head = b"POST /v1/chat/completions HTTP/1.1\r\n" + HEAD + b"content-length: 22020096\r\n\r\n"
    answer = raw_exchange(gateway.port, head)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"request_too_large" in answer


def test_whole_body_above_the_limit_is_refused(gateway: Gateway) -> None:
    """A client that sends all 21 MB gets the 413 as well."""
    body = json.dumps({"model": "m1", "messages": [{"role": "user", "content": "x" * 22_000_000}]}).encode()
    assert_error(gateway.post(CHAT, body), 413, "request_too_large")


def test_chunked_body_above_the_limit_is_refused(stage: Stage) -> None:
    """Without a declared size, reading stops at the limit."""
    gateway = stage.gateway(max_body_bytes=100)
    head = b"POST /v1/chat/completions HTTP/1.1\r\n" + HEAD + b"transfer-encoding: chunked\r\n\r\n"
    answer = raw_exchange(gateway.port, head + b"c8\r\n" + b"x" * 200 + b"\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_body_shorter_than_declared(gateway: Gateway) -> None:
    """A client that stops sending early is told so."""
    head = b"POST /v1/chat/completions HTTP/1.1\r\n" + HEAD + b"content-length: 50\r\n\r\n"
    answer = raw_exchange(gateway.port, head + b'{"model":', half_close=True)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"content_length_mismatch" in answer


def test_client_too_slow_with_its_body(stage: Stage) -> None:
    """A body that does not arrive in time is a 408."""
    gateway = stage.gateway(body_idle_s=0.05)
    head = b"POST /v1/chat/completions HTTP/1.1\r\n" + HEAD + b"content-length: 50\r\n\r\n"
    answer = raw_exchange(gateway.port, head + b"{")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"timeout_error" in answer


def test_bytes_that_are_not_http(gateway: Gateway) -> None:
    """Even what is no HTTP request gets the envelope with an id."""
    answer = raw_exchange(gateway.port, b"\x16\x03\x01 hello\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["error"]["request_id"].encode() in head


@pytest.mark.parametrize("path", ["/nope", "/v1/nope", "/v1/models/", "/ready/", "/v1//models", "/%00", "/docs"])
def test_unknown_path(gateway: Gateway, path: str) -> None:
    """An unknown path is a 404 in the envelope."""
    assert_error(gateway.get(path), 404, "route_not_found", "not_found_error")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", CHAT, "GET, HEAD, POST"),
        ("PUT", f"{CHAT}/chatcmpl-1", "DELETE, GET, HEAD, POST"),
        ("DELETE", "/chat/completions", "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("POST", "/ready", "GET, HEAD"),
        ("PUT", "/healthz", "GET, HEAD"),
        ("PATCH", "/metrics", "GET, HEAD"),
    ],
)
def test_wrong_method_names_the_right_ones(gateway: Gateway, method: str, path: str, allow: str) -> None:
    """A wrong method is a 405 with `Allow`."""
    reply = gateway.request(method, path)
    assert_error(reply, 405, "method_not_allowed")
    assert reply.headers["allow"] == allow


def test_unknown_model_lists_the_groups(gateway: Gateway, stage: Stage) -> None:
    """With a model list, an unknown model is a 404 that names it and the groups, without any network use."""
    reply = gateway.chat(model="openai/gpt-4o")
    assert_error(reply, 404, "model_not_found", "not_found_error")
    expected = "Model 'openai/gpt-4o' not found in configuration. Available models: ['m1']"
    assert reply.error["message"] == expected
    assert stage.upstream.requests == []


def test_a_mistyped_model_proposes_the_nearest(stage: Stage) -> None:
    """A group where there are some, a provider otherwise; a name that is like nothing proposes nothing."""
    groups = stage.gateway({"model_list": [stage.entry("fast"), stage.entry("careful")]})
    assert groups.chat(model="fats").error["message"].endswith("['fast', 'careful']; did you mean 'fast'?")
    assert groups.chat(model="zzzz").error["message"].endswith("['fast', 'careful']")
    assert stage.gateway({}).chat(model="opnai/gpt-4o").error["message"].endswith("; did you mean 'openai'?")


@pytest.mark.parametrize("model", ["gpt-4o", "foo/bar", "openai/", "/x", "dummy"])
def test_unresolvable_model_without_a_list(stage: Stage, model: str) -> None:
    """Without a list, a model of no known provider is a 400 that names it."""
    reply = stage.gateway({}).chat(model=model)
    assert_error(reply, 400, "provider_not_configured")
    assert f"'{model}'" in reply.error["message"]
    assert "configured groups: []" in reply.error["message"]


def test_model_without_credentials_names_the_variable(stage: Stage) -> None:
    """An unlisted model whose key is missing says which variable to set."""
    reply = stage.gateway({}).chat(model="openai/gpt-4o")
    assert_error(reply, 400, "provider_not_configured")
    assert "OPENAI_API_KEY" in reply.error["message"]


def test_unset_secret_matters_only_to_its_own_model(stage: Stage) -> None:
    """A reference to an unset variable stops neither the start nor other models; its model names both."""
    gateway = stage.gateway({"model_list": [stage.entry(), stage.entry("m2", api_key="os.environ/NOT_SET_HERE")]})
    assert gateway.chat().status == 200
    reply = gateway.chat(model="m2")
    assert_error(reply, 400, "provider_not_configured")
    assert "'m2'" in reply.error["message"]
    assert "'NOT_SET_HERE'" in reply.error["message"]


@pytest.mark.parametrize("given", ["a b", "x" * 129, "ä", "a/b", "<script>"])
def test_hostile_request_ids_are_replaced(gateway: Gateway, given: str) -> None:
    """An id outside the pattern is never echoed."""
    reply = gateway.request("GET", "/nope", None, {"x-request-id": given.encode("latin-1")})  # type: ignore[dict-item]
    assert reply.headers["x-request-id"].startswith("req-")
    assert_error(reply, 404, "route_not_found", "not_found_error")


@pytest.mark.parametrize(("hops", "status"), [("2", 200), ("3", 508), ("9" * 5000, 508), ("-1", 200), ("x", 200)])
def test_loop_is_detected(gateway: Gateway, hops: str, status: int) -> None:
    """A request that has passed three gateways is refused; nonsense in the header is harmless."""
    assert gateway.chat(headers={"x-mini-agent-hop": hops}).status == status


def test_hop_counts_up(gateway: Gateway, stage: Stage) -> None:
    """The provider sees one hop more than we did."""
    gateway.chat(headers={"x-mini-agent-hop": "1"})
    assert stage.upstream.requests[0].header("x-mini-agent-hop") == "2"


def test_nothing_secret_is_logged_or_answered(stage: Stage) -> None:
    """Keys of ours, of the client and in provider messages are in neither log nor answer, at any level."""
    stage.upstream.script(refuse(400, f"bad key {UPSTREAM_KEY} for Bearer abcdef123 at http://u:pw@host/?api_key=zzz"))
    gateway = stage.gateway(
        {"model_list": [stage.entry()], "general_settings": {"master_key": "master-key-77"}},
        {"MINI_AGENT_LOG_LEVEL": "debug", "MINI_AGENT_DEBUG": "1"},
    )
    secret_prompt = "my prompt is private"
    headers = {"authorization": "Bearer master-key-77", "cookie": "session=tasty", "x-api-key": "sk-client-123456"}
    replies = [gateway.chat(secret_prompt, headers=headers, unknown_field="private value")]
    replies.append(gateway.chat(headers={"authorization": "Bearer wrong-key-88"}))
    shown = gateway.log_text() + "".join(reply.body.decode() for reply in replies)
    hidden = [UPSTREAM_KEY, "abcdef123", "u:pw", "zzz", "master-key-77", "wrong-key-88", "tasty", "sk-client-123456"]
    assert [text for text in [*hidden, secret_prompt, "private value"] if text in shown] == []
    assert "[redacted]" in replies[0].error["message"]


def test_log_lines_are_json_with_the_request_id(gateway: Gateway) -> None:
    """Each request is one JSON line with id, route, status and duration."""
    gateway.chat(headers={"x-request-id": "one"})
    gateway.get("/nope", headers={"x-request-id": "two"})
    lines = {line["request_id"]: line for line in gateway.log_lines() if line["message"] == "request"}
    assert (lines["one"]["route"], lines["one"]["status"], lines["one"]["level"]) == (CHAT, 200, "info")
    assert (lines["two"]["route"], lines["two"]["status"], lines["two"]["level"]) == ("other", 404, "warning")
    assert lines["one"]["ms"] >= 0
