"""Paths under `/v1/` that the gateway does not own, in forward mode: relayed after authentication, under its rules."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from support.gateway import Gateway, Stage
from support.http_client import raw_exchange
from support.upstream import Behaviour, answer, pieces, refuse

MASTER = "mk-of-clients"
KEY = {"authorization": f"Bearer {MASTER}"}
EVIL = "sk-evil-key-000"


def relaying(stage: Stage, **more: Any) -> Gateway:
    """Returns: a gateway in forward mode with a key, whose external process is the stage's provider."""
    config = {
        "general_settings": {"master_key": MASTER, "relay_routes": ["files", "files/*", "x"]},
        "model_list": [stage.entry("claude-x")],
    }
    environ = {
        "MINI_AGENT_PROVIDER_MODE": "forward",
        "MINI_AGENT_FORWARD_URL": stage.upstream.base.removesuffix("/v1"),
        "MINI_AGENT_FORWARD_KEY": "fk-1",
    }
    return stage.gateway(config, environ, headers=KEY, **more)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_goes_through_with_path_query_and_body(stage: Stage, method: str) -> None:
    """Method, encoded path, query and body bytes arrive as sent; status, body and headers come back."""
    stage.upstream.script(answer(b"\x00\xffraw", status=201, headers={"x-more": "1", "set-cookie": "sid=1"}))
    sent = b"" if method == "GET" else b"\x00\xffbytes"
    path = "/v1/files/a%3Ab%20c"
    headers = {"content-type": "application/octet-stream", "x-memory-user-id": "ada", "x-request-id": "r1"}
    reply = relaying(stage).request(method, f"{path}?q=%20x&r", sent, headers)
    assert (reply.status, reply.body) == (201, b"\x00\xffraw")
    assert (reply.headers["x-more"], reply.headers["x-mini-agent-provider"]) == ("1", "forward")
    assert (reply.headers["x-request-id"], reply.headers["content-length"]) == ("r1", "5")
    assert "set-cookie" not in reply.headers
    (seen,) = stage.upstream.requests
    assert (seen.method, seen.raw_path, seen.query, seen.raw) == (method, path, "q=%20x&r", sent)
    assert [seen.header(name) for name in ("authorization", "x-sm-user-id", "x-request-id", "x-mini-agent-hop")] == [
        "Bearer fk-1",
        "ada",
        "r1",
        "1",
    ]
    assert seen.header("content-type") == "application/octet-stream"


def test_nothing_is_relayed_without_the_key(stage: Stage) -> None:
    """Authentication comes before the process hears of a request."""
    reply = relaying(stage).request("POST", "/v1/rerank", b"{}", {"authorization": "Bearer wrong"})
    assert (reply.status, reply.error["code"], stage.upstream.requests) == (401, "invalid_api_key", [])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("DELETE", "/v1/chat/completions", 405, "method_not_allowed"),
        ("POST", "/v1/models", 405, "method_not_allowed"),
        ("GET", "/v2/files", 404, "route_not_found"),
        ("GET", "/key/info", 404, "route_not_found"),
        ("GET", "/v1", 404, "route_not_found"),
        ("POST", "/v1/chat/completions/", 404, "route_not_found"),
        ("POST", "/v1/chat/completions//", 404, "route_not_found"),
        ("GET", "/v1/../key/info", 404, "route_not_found"),
        ("GET", "/v1/%2e%2e/key/info", 404, "route_not_found"),
        ("GET", "/v1/..%2fkey/info", 404, "route_not_found"),
        ("GET", "/v1/%252e%252e/key/info", 404, "route_not_found"),
        ("GET", "/v1/..\\key", 404, "route_not_found"),
        ("GET", "/v1/./files", 404, "route_not_found"),
    ],
)
def test_owned_and_foreign_paths_are_not_relayed(stage: Stage, method: str, path: str, status: int, code: str) -> None:
    """What the gateway owns keeps its methods, and no path leads out of `/v1/`: the forward key opens more."""
    reply = relaying(stage).request(method, path)
    assert (reply.status, reply.error["code"], stage.upstream.requests) == (status, code, [])


def test_model_list_is_our_own(stage: Stage) -> None:
    """`/v1/models` names our groups, whatever the process serves."""
    assert [item["id"] for item in relaying(stage).get("/v1/models").json()["data"]] == ["claude-x"]
    assert stage.upstream.requests == []


def test_sdk_mode_relays_nothing(stage: Stage) -> None:
    """Without an external process the paths do not exist."""
    reply = stage.gateway().post("/v1/rerank", {"model": "m1"})
    assert (reply.status, reply.error["code"]) == (404, "route_not_found")


ORDERS = {
    "api_base": "http://127.0.0.1:9",
    "base_url": "http://127.0.0.1:9",
    "api_key": EVIL,
    "extra_headers": {"authorization": EVIL},
    "headers": {"authorization": EVIL},
    "custom_llm_provider": "evil",
    "litellm_params": {"api_key": EVIL},
    "timeout": 1,
    "max_retries": 5,
    "user_config": {"model_list": []},
    "fallbacks": [{"model": "m", "api_key": EVIL}],
}


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", None])
def test_orders_are_taken_out_of_a_json_body(stage: Stage, kind: str | None) -> None:
    """Base, key, headers and provider cannot be set by a JSON body, whatever type it claims to have; the rest stays."""
    body = {"model": "emb", "input": "grüße", **ORDERS, "extra_body": {"api_key": EVIL, "dimensions": 3}}
    headers = {} if kind is None else {"content-type": kind}
    relaying(stage).request("POST", "/v1/x", b" \n" + json.dumps(body).encode(), headers)
    (seen,) = stage.upstream.requests
    assert seen.body == {"model": "emb", "input": "grüße", "extra_body": {"dimensions": 3}}


def test_body_without_orders_arrives_byte_for_byte(stage: Stage) -> None:
    """A body that needs no change is not written anew."""
    raw = b'{ "model":"emb",  "input": "\\u00e4", "x": 1.50 }'
    relaying(stage).request("POST", "/v1/rerank", raw, {"content-type": "application/json"})
    assert stage.upstream.requests[0].raw == raw


def test_orders_are_taken_out_of_a_form(stage: Stage) -> None:
    """The same names go from an urlencoded form, escaped ones included."""
    raw = b"model=whisper&api_key=sk-evil&api%5Fbase=http%3A%2F%2Fevil&prompt=a+b"
    relaying(stage).request("POST", "/v1/x", raw, {"content-type": "application/x-www-form-urlencoded"})
    assert stage.upstream.requests[0].raw == b"model=whisper&prompt=a+b"


def part(disposition: str, value: bytes) -> bytes:
    """Returns: one part of a multipart body."""
    return b"--BO\r\nContent-Disposition: form-data; " + disposition.encode() + b"\r\n\r\n" + value + b"\r\n"


def test_orders_are_taken_out_of_a_multipart_body(stage: Stage) -> None:
    """Parts of those names go, however the name is written; the file stays as it is, byte for byte."""
    file = part('name="file"; filename="a.wav"', b"\x00\x01--B\r\n\xff")
    model = part('name="model"', b"whisper")
    evil = [part(name, b"evil") for name in ('name="api_key"', "name=api_base", 'name="custom_llm_provider"')]
    raw = b"".join([evil[0], file, evil[1], model, evil[2], b"--BO--\r\n"])
    headers = {"content-type": 'multipart/form-data; boundary="BO"'}
    relaying(stage).request("POST", "/v1/audio/transcriptions", raw, headers)
    (seen,) = stage.upstream.requests
    assert seen.raw == b"".join([file, model, b"--BO--\r\n"])


@pytest.mark.parametrize(
    ("raw", "headers", "code"),
    [
        (b'{"model": "m", "api_key": NaN', {"content-type": "application/json"}, "invalid_json"),
        (b'{"api_key": "sk-evil", "x": NaN}', {}, "invalid_json"),
        (b"{" * 100_000, {}, "invalid_json"),
        (
            part('name="api\\_key\\x"', b"v") + b"--BO--\r\n",
            {"content-type": "multipart/form-data; boundary=BO"},
            "invalid_parameter",
        ),
        (
            part("name*=utf-8''api%5Fkey", b"v") + b"--BO--\r\n",
            {"content-type": "multipart/form-data; boundary=BO"},
            "invalid_parameter",
        ),
        (b"--BO\r\n\r\nx\r\n--BO--\r\n", {"content-type": "multipart/form-data; boundary=BO"}, "invalid_parameter"),
        (b"--BO--\r\n", {"content-type": "multipart/form-data"}, "invalid_parameter"),
        (gzip.compress(b'{"api_key": 1}', mtime=0), {"content-encoding": "gzip"}, "invalid_parameter"),
    ],
)
def test_body_that_could_hide_orders_is_refused(stage: Stage, raw: bytes, headers: dict[str, str], code: str) -> None:
    """What two readers could read differently does not reach the process."""
    reply = relaying(stage).request("POST", "/v1/x", raw, headers)
    assert (reply.status, reply.error["code"], stage.upstream.requests) == (400, code, [])


def test_orders_in_query_and_headers_do_not_go_on(stage: Stage) -> None:
    """Neither the address nor a header can set what the operator has set."""
    headers = {"x-litellm-api-key": EVIL, "x-api-key": EVIL, "api-key": EVIL, "x-api-base": "evil", "x-fine": "1"}
    relaying(stage).request("GET", f"/v1/files?api_key={EVIL}&limit=2", None, headers)
    (seen,) = stage.upstream.requests
    assert (seen.query, seen.header("x-fine")) == ("limit=2", "1")
    assert EVIL not in str(seen.headers)
    assert seen.header("x-api-base") is None


def test_model_of_a_relayed_body_is_named_as_the_process_knows_it(stage: Stage) -> None:
    """Features become a header and the date goes, where the group is configured; other models pass as they are."""
    gateway = relaying(stage)
    for model in ("claude-x-20250514,feat-a", "other-20250514"):
        gateway.post("/v1/rerank", {"model": model, "query": "x"})
    first, second = stage.upstream.requests
    assert (first.body["model"], first.header("anthropic-beta")) == ("claude-x", "feat-a")
    assert (second.body["model"], second.header("anthropic-beta")) == ("other-20250514", None)


@pytest.mark.parametrize(
    ("behaviour", "status", "code"),
    [
        (answer(b'{"detail":"Not Found"}', 404), 404, "route_not_found"),
        (refuse(404, "No such File object"), 404, "model_not_found"),
        (answer(b'{"detail":"Method Not Allowed"}', 405, {"allow": "GET"}), 405, "method_not_allowed"),
        (refuse(400, "No connected db."), 502, "provider_auth"),
        (refuse(401), 502, "provider_auth"),
        (refuse(422), 422, "unprocessable_entity"),
        (refuse(429, headers={"llm_provider-retry-after": "8"}), 429, "rate_limit_exceeded"),
        (refuse(500), 502, "api_error"),
        (answer(b"Internal Server Error", 500), 502, "api_error"),
        (refuse(307, headers={"location": "http://127.0.0.1:9/"}), 502, "api_error"),
    ],
)
def test_failures_of_the_process_have_the_envelope(stage: Stage, behaviour: Behaviour, status: int, code: str) -> None:
    """Every refusal is a row of the one table, with our request id, and no `detail` of the process."""
    stage.upstream.script(behaviour)
    gateway = relaying(stage)
    reply = gateway.get("/v1/files/x")
    assert (reply.status, reply.error["code"]) == (status, code)
    assert reply.error["request_id"] == reply.headers["x-request-id"]
    assert set(reply.json()) == {"error"}
    assert (reply.headers.get("allow") == "GET") == (status == 405)
    assert (reply.headers.get("retry-after") == "8") == (status == 429)
    assert "location" not in reply.headers
    assert gateway.metric("mini_agent_provider_errors_total", provider="forward", code=code) == 1
    assert gateway.metric("mini_agent_requests_total", route="/v1/{path}", status=str(status)) == 1


def test_refusal_without_words_is_told_by_its_status(stage: Stage) -> None:
    """Where the process says nothing, its status is the message."""
    stage.upstream.script(answer(b"", 500))
    assert relaying(stage).get("/v1/files/x").error["message"] == "the LiteLLM process answered HTTP 500"


def test_process_that_is_down_is_502(stage: Stage) -> None:
    """A refused connection is an unavailable backend."""
    gateway = relaying(stage)
    stage.upstream.stop_listening()
    reply = gateway.get("/v1/files")
    assert (reply.status, reply.error["code"]) == (502, "backend_unavailable")


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_body_come_back(stage: Stage, status: int) -> None:
    """204 and 304 are no failures and have no body."""
    stage.upstream.script(answer(b"", status, {"etag": '"1"'}))
    reply = relaying(stage).request("GET", "/v1/files/x", None, {"if-none-match": '"1"'})
    assert (reply.status, reply.body, reply.headers["etag"]) == (status, b"", '"1"')
    assert stage.upstream.requests[0].header("if-none-match") == '"1"'


def test_head_tells_the_length(stage: Stage) -> None:
    """HEAD returns the headers of the body that it leaves out."""
    stage.upstream.script(answer(b"12345"))
    reply = relaying(stage).request("HEAD", "/v1/files/x")
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", "5")


def test_encoded_answer_arrives_decoded(stage: Stage) -> None:
    """A compressed body is decoded; its encoding and length do not come with it."""
    stage.upstream.script(answer(gzip.compress(b"x" * 5000), headers={"content-encoding": "gzip"}))
    reply = relaying(stage).get("/v1/files/x")
    assert reply.body == b"x" * 5000
    assert "content-encoding" not in reply.headers


def test_body_above_the_limit_is_413(stage: Stage) -> None:
    """The size limit holds here, too."""
    reply = relaying(stage, max_body_bytes=10).request("POST", "/v1/files", b"x" * 11)
    assert (reply.status, reply.error["code"], stage.upstream.requests) == (413, "request_too_large", [])


def test_hops_are_counted(stage: Stage) -> None:
    """A request that goes in circles ends here, too."""
    reply = relaying(stage).request("GET", "/v1/files", None, {"x-mini-agent-hop": "3"})
    assert (reply.status, reply.error["code"], stage.upstream.requests) == (508, "loop_detected", [])


def test_stream_is_relayed_as_it_comes(stage: Stage) -> None:
    """The first piece reaches the client before the process has written the second."""
    stage.upstream.script(pieces(b"data: one\n\n", "wait", b"data: two\n\n"))
    gateway = relaying(stage)
    connection = gateway.open_stream({"model": "claude-x", "stream": True}, "/v1/audio/speech")
    try:
        response = connection.getresponse()
        assert response.headers["content-type"] == "text/event-stream"
        assert response.readline() == b"data: one\n"
        stage.upstream.release.set()
        assert response.read() == b"\ndata: two\n\n"
    finally:
        connection.close()


def test_failure_before_the_first_byte_keeps_its_status(stage: Stage) -> None:
    """An answer that breaks before its first byte is a 502, not an empty 200."""
    stage.upstream.script(pieces(end="abort"))
    reply = relaying(stage).get("/v1/files/x")
    assert (reply.status, reply.error["code"]) == (502, "backend_unavailable")


def test_answer_that_breaks_off_closes_the_connection(stage: Stage) -> None:
    """What broke off must not look whole: the chunked body has no end."""
    stage.upstream.script(pieces(b"data: one\n\n", end="abort"))
    head = f"GET /v1/x HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {MASTER}\r\n\r\n".encode()
    received = raw_exchange(relaying(stage).port, head)
    assert b"data: one" in received
    assert not received.endswith(b"0\r\n\r\n")


def test_client_that_leaves_cancels_the_request(stage: Stage) -> None:
    """A client that goes away cancels the request at the process within a second."""
    stage.upstream.script(pieces(b"data: one\n\n", end="hang"))
    connection = relaying(stage).open_stream({"model": "claude-x"}, "/v1/audio/speech")
    stage.upstream.wait_requests(1)
    connection.close()
    assert stage.upstream.wait_dropped(1.0)
