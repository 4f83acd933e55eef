"""The schemas of the OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from mini_agent.core.errors import ERROR_TABLE
from mini_agent.dialects import Dialect
from mini_agent.dialects.errors import messages_type
from mini_agent.dialects.parameters import known
from mini_agent.dialects.reading import TYPE_NAMES
from mini_agent.pipeline.endpoints import FIELDS
from mini_agent.pipeline.parameters import CHAT_FIELDS, ITEM_TYPES
from mini_agent.runs.agent_body import AgentBody
from mini_agent.tools.backends import TOOL_BACKENDS
from mini_agent.upstreams.endpoints import Endpoint

_STRING = {"type": "string"}
_INTEGER = {"type": "integer"}
_TEXT = {"type": "string", "minLength": 1}
_OBJECTS: dict[str, Any] = {"type": "array", "items": {"type": "object"}}
#: Of a page: null where it is empty.
_ENDS = {name: {"type": ["string", "null"]} for name in ("first_id", "last_id")}


def _object(
    properties: dict[str, Any], required: Sequence[str] | None = None, *, closed: bool = False
) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "required": list(properties if required is None else required),
    }
    if closed:
        schema["additionalProperties"] = False
    return schema


def schemas() -> dict[str, Any]:
    """Returns: name to JSON Schema."""
    return {
        "Ready": _object({"ok": {"const": True}}, closed=True),
        "Health": _health(),
        "RoutingInfo": _routing_info(),
        "OpenApi": _object({"openapi": _STRING, "info": {"type": "object"}, "paths": {"type": "object"}}),
        "Model": {"oneOf": [_model(), _anthropic_model()]},
        "ModelList": _model_list(),
        "Count": _object({"input_tokens": _INTEGER}),
        **_endpoints(),
        "Message": _message(),
        "ChatRequest": _chat_request(),
        "Chat": _object({"choices": _OBJECTS}),
        "ChatEvent": _event("A ChatCompletionChunk of OpenAI's API or an Error, as JSON; the last event is `[DONE]`."),
        "MessagesRequest": _dialect_request(Dialect.MESSAGES, {"messages": {**_OBJECTS, "minItems": 1}}),
        "Messages": _object({"type": {"const": "message"}, "content": _OBJECTS, "usage": {"type": "object"}}),
        "MessagesEvent": _event("A RawMessageStreamEvent of Anthropic's API, a ping or a MessagesError, as JSON."),
        "MessagesError": _messages_error(),
        "ResponsesRequest": _responses_request(),
        "CompactRequest": _compact_request(),
        "Responses": _object({"object": {"const": "response"}, "output": _OBJECTS, "status": _STRING}),
        "ResponsesEvent": _event("A ResponseStreamEvent of OpenAI's API, as JSON."),
        **_kept(),
        **_agent(),
        "AgentEvent": _event("An event of the run, or an Error, as JSON; the last is the AgentResult."),
        "Error": _error(),
        "AnyError": {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Error", "MessagesError")]},
    }


def _kept() -> dict[str, Any]:
    page = {"object": {"const": "list"}, "data": _OBJECTS, **_ENDS}
    labels = {
        "type": ["object", "null"],
        "maxProperties": 16,
        "propertyNames": {"maxLength": 64},
        "additionalProperties": {"type": "string", "maxLength": 512},
    }
    compaction = {"id": _STRING, "object": {"const": "response.compaction"}, "created_at": _INTEGER, "output": _OBJECTS}
    return {
        "Page": _object({**page, "has_more": {"type": "boolean"}}, closed=True),
        "Deleted": _object({"id": _STRING, "object": _STRING, "deleted": {"const": True}}, closed=True),
        "Metadata": _object({"metadata": labels}),
        "Compaction": _object({**compaction, "usage": {"type": "object"}}, closed=True),
    }


def _routing_info() -> dict[str, Any]:
    match = {**_object(dict.fromkeys(("header", "value", "pattern", "user_id"), _STRING)), "type": ["object", "null"]}
    facts = {
        "user_id": _STRING,
        "matched_pattern": match,
        "custom_header_present": {"type": "boolean"},
        "is_default": {"type": "boolean"},
    }
    session = _object({"initialized": {"type": "boolean"}, "cookie_count": _INTEGER})
    headers = {"type": "object", "additionalProperties": _STRING}
    nested = {"routing": _object(facts), "request_headers": headers}
    info = _object({**facts, **nested, "session_info": session}, [*facts, *nested])
    return {"oneOf": [info, _object({"error": {"const": "Memory router not initialized"}}, closed=True)]}


def _health() -> dict[str, Any]:
    properties = {
        "ok": {"const": True},
        "host": _STRING,
        "port": _INTEGER,
        "started_at": {"type": "number", "description": "Seconds since the epoch."},
        "delay_ms": {"type": "number"},
        "service": {"const": "mini-agent"},
        "version": _STRING,
        "provider_mode": {"enum": ["sdk", "forward"]},
    }
    return _object({**properties, "instance_id": _STRING}, required=list(properties))


def _model_list() -> dict[str, Any]:
    page = {"data": {"type": "array", "items": _anthropic_model()}, "has_more": {"type": "boolean"}, **_ENDS}
    listed = _object({"object": {"const": "list"}, "data": {"type": "array", "items": _model()}}, closed=True)
    return {"oneOf": [listed, _object(page, closed=True)]}


def _anthropic_model() -> dict[str, Any]:
    created = {"type": "string", "format": "date-time"}
    item = {"type": {"const": "model"}, "id": _STRING, "display_name": _STRING, "created_at": created}
    return _object(item, closed=True)


def _model() -> dict[str, Any]:
    item = {
        "id": _STRING,
        "object": {"const": "model"},
        "created": _INTEGER,
        "owned_by": {"const": "litellm"},
        "permission": {"type": "array", "maxItems": 0},
        "root": _STRING,
        "parent": {"type": "null"},
    }
    return _object(item, closed=True)


def _endpoints() -> dict[str, Any]:
    return {
        "EmbeddingsRequest": _endpoint_request(Endpoint.EMBEDDINGS),
        "Embeddings": _object({"object": {"const": "list"}, "data": _OBJECTS}),
        "CompletionsRequest": _endpoint_request(Endpoint.COMPLETIONS),
        "Completions": _object({"choices": _OBJECTS}),
        "CompletionsEvent": _event("A Completion of OpenAI's API or an Error, as JSON; the last event is `[DONE]`."),
    }


def _endpoint_request(kind: Endpoint) -> dict[str, Any]:
    fields = FIELDS[kind]
    properties: dict[str, dict[str, Any]] = {name: {"type": [*_types(kinds), "null"]} for name, kinds in fields.items()}
    required = list(fields)[:2]
    for name in required:
        properties[name] = {"type": _types(fields[name]), "minItems": 1}
    properties["model"] = _TEXT
    if kind is Endpoint.EMBEDDINGS:
        properties["input"]["minLength"] = 1
        properties["dimensions"]["minimum"] = 1
    if "stop" in properties:
        properties["stop"]["items"] = _STRING
    return _object(properties, required)


def _types(kinds: Sequence[type]) -> list[str]:
    return list(dict.fromkeys("number" if float in kinds else TYPE_NAMES[kind] for kind in kinds))


def _message() -> dict[str, Any]:
    return {**_object({"role": _STRING}), "description": "An OpenAI chat message; other fields pass through."}


def _chat_request() -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for name, kinds in CHAT_FIELDS.items():
        schema: dict[str, Any] = {"type": [*_types(kinds), "null"]}
        if name in ITEM_TYPES:
            schema["items"] = {"type": TYPE_NAMES[ITEM_TYPES[name]]}
        properties[name] = schema
    properties["model"] = _TEXT
    properties["messages"] = {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Message"}}
    return {
        **_object(properties, required=["model", "messages"]),
        "description": "Other fields reach a provider of this dialect as they are; steering ones do not.",
    }


def _dialect_request(dialect: Dialect, conversation: dict[str, Any]) -> dict[str, Any]:
    """Returns: what is checked here of a request; the rest is its provider's to understand, or a translation's."""
    properties: dict[str, Any] = {name: {} for name in sorted(known(dialect))}
    properties["stream"] = {"type": ["boolean", "null"]}
    if "thread" in properties:
        properties["thread"] = {"type": "null"}  # Refused by name: a provider would hold it for all users together.
    properties |= {"model": _TEXT, **conversation}
    text = "The protocol's own parameters; docs/dialects.md tells which of them reach a provider of another dialect."
    return {**_object(properties, required=["model", *conversation]), "description": text}


def _responses_request() -> dict[str, Any]:
    given = {"type": ["string", "array"], "items": {"type": "object"}, "minLength": 1, "minItems": 1}
    request = _dialect_request(Dialect.RESPONSES, {"input": given})
    optional = {"background": "boolean", "previous_response_id": "string"}
    request["properties"] |= {name: {"type": [kind, "null"]} for name, kind in optional.items()}
    # What is worked on in the background is polled, so it is kept.
    request["if"] = {"properties": {"background": {"const": True}}, "required": ["background"]}
    request["then"] = {"properties": {"stream": {"enum": [False, None]}, "store": {"enum": [True, None]}}}
    return request


def _compact_request() -> dict[str, Any]:
    request = _responses_request()
    del request["if"], request["then"]
    request["properties"] |= {"stream": {"enum": [False, None]}, "background": {}}
    return request


def _messages_error() -> dict[str, Any]:
    reasons = {"error_code": _STRING, "unsupported": {"type": "array", "items": _STRING}}
    details = _object({"exception_type": _STRING, "exception_message": _STRING, **reasons}, required=[], closed=True)
    members = {"type": {"enum": sorted({messages_type(row.status) for row in ERROR_TABLE})}, "message": _STRING}
    inner = _object({**members, "details": details}, required=list(members), closed=True)
    return _object({"type": {"const": "error"}, "error": inner, "request_id": _STRING}, closed=True)


def _event(text: str) -> dict[str, Any]:
    return _object({"data": {"type": "string", "description": text}})


def _agent() -> dict[str, Any]:
    """The request comes from the class that validates it; null means the default."""
    _, components = msgspec.json.schema_components([AgentBody], ref_template="#/components/schemas/{name}")
    request = components["AgentBody"]
    request.pop("title", None)
    backend = request["properties"]["tool_backend"]
    del backend["anyOf"]
    backend |= {"enum": [*TOOL_BACKENDS, None], "default": "local"}
    request["if"] = {"properties": {"tool_backend": {"const": "http"}}, "required": ["tool_backend"]}
    request["then"] = {
        "properties": {"tool_http_base_url": {"type": "string", "pattern": "^https?://"}},
        "required": ["tool_http_base_url"],
    }
    metrics = {
        "iterations": _INTEGER,
        "ttotal_ms": {"type": "number", "description": "Milliseconds."},
        "escalated": {"type": "boolean"},
        "used_model": _STRING,
        "simulated": {"type": "boolean"},
    }
    result = {
        "ok": {"const": True},
        "final_answer": {"type": ["string", "null"]},
        "stopped_reason": {"enum": ["success", "budget", "max_iterations"]},
        "messages": {"type": "array", "items": {"type": "object"}},
        "metrics": _object(metrics, closed=True),
    }
    optional = {"last_tool_invocation": {"type": "object"}}
    return {"AgentRequest": request, "AgentResult": _object({**result, **optional}, required=list(result), closed=True)}


def _error() -> dict[str, Any]:
    error = {
        "message": _STRING,
        "type": {"enum": sorted({row.type for row in ERROR_TABLE})},
        "code": {"enum": sorted({row.code for row in ERROR_TABLE})},
        "request_id": _STRING,
    }
    details = _object({"exception_type": _STRING, "exception_message": _STRING}, closed=True)
    inner = _object({**error, "param": _STRING, "details": details}, required=list(error), closed=True)
    return _object({"error": inner, "detail": _STRING}, required=["error"], closed=True)
