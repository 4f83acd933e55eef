"""`GET /openapi.json`: the OpenAPI 3.1 document of the routes, built from the same tables that validate requests."""

from __future__ import annotations

from typing import Any

import msgspec

from mini_agent import __version__
from mini_agent.api.openapi_kept import kept_paths
from mini_agent.api.openapi_parts import (
    KEY,
    PROVIDED,
    PROVIDER,
    REQUEST_ID,
    answer,
    body,
    error_answers,
    in_path,
    in_query,
    operation,
)
from mini_agent.api.openapi_schemas import schemas
from mini_agent.api.relay import RELAYED
from mini_agent.edge.exchange import Receive, Scope, Send, send_body

_LIMIT = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 20}
_TEXT = {"type": "string"}
_VERSION = {
    "name": "anthropic-version",
    "in": "header",
    "required": False,
    "schema": _TEXT,
    "description": "With it the answer has Anthropic's shape.",
}
_ESTIMATED = {"x-mini-agent-estimated": {"description": "Names what is our estimate.", "schema": _TEXT}}
_NOT_MODIFIED = {"description": "It has not changed since.", "headers": {**REQUEST_ID, **PROVIDER}}
_METRICS = {
    "description": "Prometheus text format.",
    "headers": REQUEST_ID,
    "content": {"text/plain": {"schema": _TEXT}},
}
_ROOT = {
    "operationId": "root",
    "summary": "Whether anybody is there.",
    "security": [],
    "responses": {"200": {"description": "Somebody is.", "headers": REQUEST_ID}},
}


class OpenApiRoute:
    """Serves the document, built at the first request. relays: whether unowned `/v1/*` paths go on (forward mode)."""

    def __init__(self, *, relays: bool) -> None:
        self._relays = relays
        self._body: bytes | None = None

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer with the document."""
        if self._body is None:
            self._body = msgspec.json.encode(openapi_document(relays=self._relays))
        await send_body(send, self._body)


def openapi_document(*, relays: bool = False) -> dict[str, Any]:
    """Returns: the whole document. relays: whether it tells of the relay of forward mode."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mini_agent",
            "version": __version__,
            "description": "OpenAI-compatible agent gateway.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {**_paths(), **({RELAYED: _relay_operations()} if relays else {})},
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "masterKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Needed only when the gateway has a master key; `x-api-key` is taken as well.",
                }
            },
        },
    }


def _paths() -> dict[str, Any]:
    """Returns: the paths of every gateway, each with its operations."""
    model, kept = _model_operation, kept_paths()
    return {
        "/": {"head": _ROOT},
        "/ready": {"get": _open("ready", "Whether the gateway accepts requests; touches no model.", "Ready")},
        "/healthz": {"get": _open("healthz", "Facts about this process.", "Health")},
        "/metrics": {"get": operation("metrics", "Prometheus metrics.", _METRICS, (500,), security=[])},
        "/memory-routing/info": {
            "get": operation(
                "routingInfo",
                "Whose memory a request with these headers would use, and why.",
                answer("The facts.", "RoutingInfo"),
                (400, 401, 500),
            )
        },
        "/openapi.json": {"get": _open("openapi", "This document.", "OpenApi")},
        "/v1/models": {"get": _models_operation()},
        "/v1/models/{model}": {"parameters": [in_path("model")], "get": _model_fact()},
        **kept,
        "/v1/chat/completions": {
            **kept["/v1/chat/completions"],
            "post": model("chat", "The next message of a chat.", "Chat"),
        },
        "/chat/completions": {"post": model("chatAlias", "The next message of a chat.", "Chat")},
        "/v1/messages": {
            "post": model(
                "messages", "The next message, as Anthropic's clients ask for it.", "Messages", error="MessagesError"
            )
        },
        "/v1/responses": {"post": model("responses", "A response, as OpenAI's newer clients ask for it.", "Responses")},
        "/v1/messages/count_tokens": {"post": _count_operation()},
        "/v1/embeddings": {"post": _plain_operation("embeddings", "Vectors of texts.", "Embeddings")},
        "/v1/completions": {"post": model("completions", "How a text goes on.", "Completions")},
        "/agent/run": {"post": _agent_operation()},
    }


def _open(name: str, summary: str, schema: str) -> dict[str, Any]:
    return operation(name, summary, answer("The facts.", schema), (500,), security=[])


def _models_operation() -> dict[str, Any]:
    parameters = [
        _VERSION,
        in_query("limit", _LIMIT, "How many at most; Anthropic's shape only."),
        in_query("after_id", _TEXT, "The last one of the page before; Anthropic's shape only."),
        in_query("before_id", _TEXT, "The first one of the page behind; Anthropic's shape only."),
    ]
    groups = answer("The groups.", "ModelList")
    return operation(
        "models", "The configured groups.", groups, (400, 401, 404, 500), error="AnyError", parameters=parameters
    )


def _model_fact() -> dict[str, Any]:
    group, statuses = answer("The group.", "Model"), (401, 404, 405, 500)
    return operation("model", "A configured group.", group, statuses, error="AnyError", parameters=[_VERSION])


def _count_operation() -> dict[str, Any]:
    counted = answer("The count.", "Count", headers={**PROVIDER, **_ESTIMATED})
    text, given = "How many tokens a request of Messages has.", body("MessagesRequest")
    return operation("countTokens", text, counted, error="MessagesError", requestBody=given)


def _plain_operation(name: str, summary: str, schema: str) -> dict[str, Any]:
    success = answer(summary, schema, headers=PROVIDER)
    return operation(name, summary, success, requestBody=body(f"{schema}Request"))


def _agent_operation() -> dict[str, Any]:
    result = answer("The result; a used-up limit is one too.", "AgentResult", headers=PROVIDER)
    text = "Run an agent with tools until it answers."
    return operation("agentRun", text, _with_events(result, "AgentEvent"), requestBody=body("AgentRequest"))


def _relay_operations() -> dict[str, Any]:
    """Returns: the path item of the relay. What goes through has the form of the external process, not one of ours."""
    anything: dict[str, Any] = {"*/*": {"schema": {}}}
    item: dict[str, Any] = {"parameters": [in_path("path")]}
    for method in ("get", "post", "put", "patch", "delete"):
        success = {"description": "What it answers.", "headers": {**REQUEST_ID, **PROVIDER}, "content": anything}
        item[method] = {
            "operationId": f"relay{method.capitalize()}",
            "summary": "Any other path: answered by the external LiteLLM process.",
            "security": KEY,
            "responses": {"2XX": success, "304": _NOT_MODIFIED, **error_answers(PROVIDED)},
        }
        if method != "get":
            item[method]["requestBody"] = {"content": anything}
    return item


def _with_events(answered: dict[str, Any], schema: str) -> dict[str, Any]:
    answered["content"]["text/event-stream"] = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    return answered


def _model_operation(name: str, summary: str, schema: str, *, error: str = "Error") -> dict[str, Any]:
    """Returns: a route that asks a model. schema: what the names of its request, answer and event begin with."""
    what = "The answer, or its stream when `stream` is true."
    success = _with_events(answer(what, schema, headers=PROVIDER), f"{schema}Event")
    return operation(name, summary, success, error=error, requestBody=body(f"{schema}Request"))
