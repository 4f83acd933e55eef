"""What the loop needs from outside: a model, tools, and time."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Protocol

from mini_agent.agent.values import ModelRequest

__all__ = ["Clock", "ModelClient", "SystemClock", "ToolInvoker"]


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


class Clock(Protocol):
    """Monotonic time in seconds."""

    def monotonic(self) -> float:
        """Returns: seconds from an arbitrary start, never going back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds`."""
        ...


class SystemClock:
    """The clock of the machine and of the running event loop."""

    def monotonic(self) -> float:
        """Returns: seconds of `time.monotonic`."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` on the running loop."""
        await asyncio.sleep(seconds)
