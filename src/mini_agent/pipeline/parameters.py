"""Validation of chat parameters, and which of them reach the provider (GATEWAY.md 4.4 and 7.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mini_agent.core.chat import CLIENT_PARAMETERS, ModelTarget
from mini_agent.core.errors import GatewayError, InvalidParameter, MissingParameter
from mini_agent.core.steering import NEVER_ALLOWED, cleaned

__all__ = [
    "CHAT_FIELDS",
    "ITEM_TYPES",
    "TYPE_NAMES",
    "ChatBody",
    "check_messages",
    "check_tool_calls",
    "outgoing_body",
    "parse_chat",
]

_NUMBER = (int, float)
CHAT_FIELDS: Mapping[str, tuple[type, ...]] = {
    "model": (str,),
    "messages": (list,),
    "audio": (dict,),
    "frequency_penalty": _NUMBER,
    "function_call": (str, dict),
    "functions": (list,),
    "logit_bias": (dict,),
    "logprobs": (bool,),
    "max_completion_tokens": (int,),
    "max_tokens": (int,),
    "metadata": (dict,),
    "modalities": (list,),
    "n": (int,),
    "parallel_tool_calls": (bool,),
    "prediction": (dict,),
    "presence_penalty": _NUMBER,
    "reasoning_effort": (str,),
    "response_format": (dict,),
    "seed": (int,),
    "service_tier": (str,),
    "stop": (str, list),
    "store": (bool,),
    "stream": (bool,),
    "stream_options": (dict,),
    "temperature": _NUMBER,
    "thinking": (dict,),
    "tool_choice": (str, dict),
    "tools": (list,),
    "top_logprobs": (int,),
    "top_p": _NUMBER,
    "user": (str,),
    "verbosity": (str,),
    "web_search_options": (dict,),
}
#: JSON names of the Python types, for messages and the OpenAPI document.
TYPE_NAMES = {str: "string", list: "array", dict: "object", int: "integer", float: "number", bool: "boolean"}
_REQUIRED = ("model", "messages")
ITEM_TYPES: Mapping[str, type] = {"tools": dict, "functions": dict, "stop": str, "modalities": str}


@dataclass(frozen=True, slots=True)
class ChatBody:
    """A validated chat request. fields: the body as the client sent it."""

    model: str
    stream: bool
    fields: Mapping[str, Any]


def parse_chat(
    body: Mapping[str, Any],
    *,
    missing: type[GatewayError] = MissingParameter,
    invalid: type[GatewayError] = InvalidParameter,
) -> ChatBody:
    """Check a decoded body. missing, invalid: the error classes of the route.

    Returns: the request.
    Raises: `missing` without model or messages, `invalid` for a whitelisted field of the wrong type; both name it.
    """
    for name in _REQUIRED:
        value = body.get(name)
        if value is None or value == "" or value == []:
            raise missing(f"Missing required parameter: '{name}'", param=name)
    for name, value in body.items():
        kinds = CHAT_FIELDS.get(name)
        if kinds is None or value is None:
            continue
        # In JSON 3.0 is a whole number.
        if isinstance(value, float) and int in kinds and value.is_integer():
            continue
        # bool is an int in Python, never in JSON.
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            expected = " or ".join(dict.fromkeys(TYPE_NAMES[kind] for kind in kinds))
            raise invalid(f"Invalid type for '{name}': expected {expected}", param=name)
        item = ITEM_TYPES.get(name)
        if item is not None and isinstance(value, list) and not all(isinstance(part, item) for part in value):
            raise invalid(f"Invalid type for '{name}': expected an array of {TYPE_NAMES[item]}s", param=name)
    check_messages(body["messages"], invalid)
    check_tool_calls(body["messages"], invalid)
    return ChatBody(model=body["model"], stream=body.get("stream") is True, fields=body)


def check_messages(messages: list[Any], invalid: type[GatewayError] = InvalidParameter) -> None:
    """Raises: `invalid` unless every message is an object with a `role`."""
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            raise invalid(f"Invalid type for 'messages[{index}]': expected object", param="messages")
        if not isinstance(message.get("role"), str):
            raise invalid(f"Invalid 'messages[{index}].role': expected string", param="messages")


def check_tool_calls(messages: list[dict[str, Any]], invalid: type[GatewayError] = InvalidParameter) -> None:
    """Raises: `invalid` unless the tool calls of every message, where it has any, are a list of objects."""
    for index, message in enumerate(messages):
        calls = message.get("tool_calls")
        if calls is not None and not (isinstance(calls, list) and all(isinstance(call, dict) for call in calls)):
            raise invalid(f"Invalid 'messages[{index}].tool_calls': expected an array of objects", param="messages")


def outgoing_body(chat: ChatBody, target: ModelTarget) -> tuple[dict[str, Any], list[str]]:
    """Merge configured defaults with what the client may set; client values win.

    Returns: the body for the provider without `model`, and the names that were dropped.
    """
    body = dict(target.defaults)
    dropped = []
    for name, value in chat.fields.items():
        if name in CLIENT_PARAMETERS or (name in target.allowed and name not in NEVER_ALLOWED):
            # What an operator has opened may be a container: inside of it orders stay orders.
            body[name] = cleaned(name, value)
        else:
            dropped.append(name)
    body.pop("model", None)
    return body, dropped
