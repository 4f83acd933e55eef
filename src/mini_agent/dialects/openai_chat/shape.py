"""What messages of chat must be before anybody reads them."""

from __future__ import annotations

from typing import Any

from mini_agent.core.errors import GatewayError, InvalidParameter


def check_messages(messages: list[Any]) -> None:
    """Raises: InvalidParameter unless every message is an object with a `role`, its tool calls as they must be."""
    for index, message in enumerate(messages):
        if type(message) is not dict:
            raise InvalidParameter(f"Invalid type for 'messages[{index}]': expected object", param="messages")
        if type(message.get("role")) is not str:
            raise InvalidParameter(f"Invalid 'messages[{index}].role': expected string", param="messages")
    check_tool_calls(messages)


def check_tool_calls(messages: list[dict[str, Any]], invalid: type[GatewayError] = InvalidParameter) -> None:
    """Raises: `invalid` unless the tool calls of every message, where it has any, are a list of objects."""
    for index, message in enumerate(messages):
        calls = message.get("tool_calls")
        if calls is not None and not (isinstance(calls, list) and all(isinstance(call, dict) for call in calls)):
            raise invalid(f"Invalid 'messages[{index}].tool_calls': expected an array of objects", param="messages")
