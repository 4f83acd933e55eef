"""What messages of chat must be before anybody reads them."""

from __future__ import annotations

from typing import Any

from mini_agent.core.errors import GatewayError, InvalidParameter

__all__ = ["check_messages", "check_tool_calls"]


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
