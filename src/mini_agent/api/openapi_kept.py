"""The OpenAPI document's part about kept answers."""

from __future__ import annotations

from typing import Any

from mini_agent.api.openapi_parts import PROVIDER, answer, body, in_path, in_query, operation

_TEXT = {"type": "string"}


def kept_paths() -> dict[str, Any]:
    """Returns: the path items, by path."""
    response, chat = in_path("response_id"), in_path("completion_id")
    return {
        "/v1/responses/compact": {"post": _compaction()},
        "/v1/responses/{response_id}": {
            "parameters": [response],
            "get": _operation("response", "A kept response.", "Responses", [_again()], 400),
            "delete": _operation("responseDelete", "Forget a response.", "Deleted"),
        },
        "/v1/responses/{response_id}/input_items": {
            "parameters": [response],
            "get": _operation("responseInput", "What it was made of.", "Page", _paging("desc"), 400),
        },
        "/v1/responses/{response_id}/cancel": {
            "parameters": [response],
            "post": _operation("responseCancel", "End a response in the background.", "Responses", None, 400),
        },
        "/v1/chat/completions": {
            "get": _operation("chats", "The kept chats.", "Page", [*_paging("asc"), _labels(), _model()], 400),
        },
        "/v1/chat/completions/{completion_id}": {
            "parameters": [chat],
            "get": _operation("chatKept", "A kept chat.", "Chat"),
            "post": {
                **_operation("chatUpdate", "Replace its metadata.", "Chat", None, 400, 408, 413),
                "requestBody": body("Metadata"),
            },
            "delete": _operation("chatDelete", "Forget a chat.", "Deleted"),
        },
        "/v1/chat/completions/{completion_id}/messages": {
            "parameters": [chat],
            "get": _operation("chatMessages", "What the caller said.", "Page", _paging("asc"), 400),
        },
    }


def _operation(
    name: str, summary: str, schema: str, parameters: list[dict[str, Any]] | None = None, *statuses: int
) -> dict[str, Any]:
    given: dict[str, Any] = {"parameters": parameters} if parameters else {}
    return operation(name, summary, answer(summary, schema), (*statuses, 401, 404, 405, 500), **given)


def _compaction() -> dict[str, Any]:
    made = answer("The conversation, shorter.", "Compaction", headers=PROVIDER)
    return operation("compact", "Make a conversation shorter.", made, requestBody=body("CompactRequest"))


def _paging(order: str) -> list[dict[str, Any]]:
    limits = {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    return [
        in_query("limit", limits, "How many at most."),
        in_query("order", {"enum": ["asc", "desc"], "default": order}, "By age."),
        in_query("after", _TEXT, "The id of the last one of the page before."),
    ]


def _again() -> dict[str, Any]:
    return in_query("stream", {"enum": ["false"]}, "A kept response is not streamed again.")


def _labels() -> dict[str, Any]:
    names = {"minLength": 1, "pattern": r"^[^\[\]]+$"}
    labels = {"type": "object", "additionalProperties": _TEXT, "propertyNames": names}
    return {**in_query("metadata", labels, "Only those with these labels."), "style": "deepObject", "explode": True}


def _model() -> dict[str, Any]:
    return in_query("model", _TEXT, "Only those of this model.")
