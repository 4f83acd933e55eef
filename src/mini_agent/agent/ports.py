"""What the loop needs from outside besides time: a model, and tools."""

from __future__ import annotations

from typing import Any, Protocol

from mini_agent.agent.values import ModelRequest


class ModelClient(Protocol):
    """Answers one model call."""

    async def complete(self, request: ModelRequest) -> object:
        """Ask the model once.

        Returns: a chat completion or a message, as dict or object, or a `ModelAnswer` around either.
        Raises: a `GatewayError` for every failure; it ends the run.
        """
        ...


class ToolInvoker(Protocol):
    """Lists and calls the tools of one backend."""

    async def list_tools(self) -> list[dict[str, Any]]:
        """Returns: OpenAI tool specs. Raises: ToolListingFailed when the backend cannot tell."""
        ...

    async def call(self, tool_call: dict[str, Any]) -> str:
        """Run one OpenAI tool call.

        Returns: JSON text, normally an object with `ok`. A failing tool is a result, not an exception.
        """
        ...
