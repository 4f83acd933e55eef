"""The port every model client implements."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from mini_agent.core.chat import ProviderRequest

__all__ = ["Batch", "ModelClient"]

#: Payloads of the events that arrived together: JSON objects as bytes; the last may be `DONE`.
Batch = Sequence[bytes]


class ModelClient(Protocol):
    """Asks a model. `name` goes into `x-mini-agent-provider`."""

    name: str

    async def complete(self, request: ProviderRequest) -> bytes:
        """Ask once.

        Returns: the OpenAI completion object as JSON.
        Raises: GatewayError.
        """

    def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Ask for a stream. Closing the generator cancels the request at the provider.

        Returns: the chunks in order; a batch is never empty. `DONE` is optional: the caller completes it.
        Raises: GatewayError, before the first batch or between two.
        """

    async def aclose(self) -> None:
        """Free what the client holds. Calling it twice is harmless."""
