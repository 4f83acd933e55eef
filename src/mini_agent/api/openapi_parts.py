"""What the operations of the OpenAPI document are made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mini_agent.core.errors import ERROR_TABLE

#: What an operation with the gateway's key says of it.
KEY: list[dict[str, Any]] = [{"masterKey": []}, {}]
REQUEST_ID = {
    "x-request-id": {
        "description": "The client's id if it matches [A-Za-z0-9._-]{1,128}, else a generated one.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
    }
}
PROVIDER = {
    "x-mini-agent-provider": {
        "description": "The client that answered.",
        "required": True,
        "schema": {
            "type": "string",
            "enum": [
                "openai_http",
                "anthropic_http",
                "openai_responses",
                "litellm_sdk",
                "forward",
                "codex_agent",
                "mini_agent",
                "scripted",
            ],
        },
    }
}
#: What the door answers on every route.
_DOOR = (400, 403, 408, 415, 421, 431, 501, 503)
#: What a route that asks a provider answers besides.
PROVIDED = (400, 401, 403, 404, 405, 408, 413, 422, 429, 500, 502, 503, 504, 508)


def operation(
    name: str,
    summary: str,
    success: dict[str, Any],
    statuses: Iterable[int] = PROVIDED,
    *,
    security: list[dict[str, Any]] = KEY,
    error: str = "Error",
    **more: Any,
) -> dict[str, Any]:
    """Returns: an operation. success: its 200. statuses, error: of its failures, and the schema of their envelope."""
    answers = {"200": success, **error_answers(statuses, error)}
    return {"operationId": name, "summary": summary, "security": security, **more, "responses": answers}


def answer(description: str, schema: str, *, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    """Returns: a JSON answer. schema: its name. headers: beside the id of the request."""
    return {
        "description": description,
        "headers": {**REQUEST_ID, **(headers or {})},
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


def error_answers(statuses: Iterable[int], schema: str = "Error") -> dict[str, Any]:
    """Returns: one response object per status, naming the codes of the table. schema: of their envelope."""
    answers = {}
    for status in sorted({*statuses, *_DOOR}):
        codes = sorted({row.code for row in ERROR_TABLE if row.status == status})
        headers: dict[str, Any] = {}
        if status in (429, 503, 504):
            headers["retry-after"] = {"description": "Seconds to wait.", "schema": {"type": "string"}}
        if status == 401:
            headers["www-authenticate"] = {"schema": {"type": "string"}}
        if status == 405:
            headers["allow"] = {"schema": {"type": "string"}}
        answers[str(status)] = answer(f"One of: {', '.join(codes)}", schema, headers=headers)
    return answers


def body(schema: str) -> dict[str, Any]:
    """Returns: a JSON body. schema: its name."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"required": True, "content": content}


def in_path(name: str) -> dict[str, Any]:
    """Returns: a parameter that is a part of the path."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def in_query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    """Returns: a parameter of the query."""
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}
