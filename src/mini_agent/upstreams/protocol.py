"""The port every model client implements."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from mini_agent.core.chat import ProviderRequest
from mini_agent.core.errors import InvalidProviderResponse
from mini_agent.core.text import load_json

#: Payloads of the events that arrived together: JSON objects as bytes; the last may be `DONE`.
Batch = Sequence[bytes]


def decode_answer(raw: bytes) -> Any:
    """Read a completion or an event of a provider, for those who look into it.

    Returns: the JSON value, its text free of what no strict writer would let out again.
    Raises: InvalidProviderResponse for what is no JSON.
    """
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Half of a surrogate pair is no reason to lose an answer: the slower reader repairs it.
        return _repaired(raw)


def _repaired(raw: bytes) -> Any:
    try:
        return load_json(raw.decode("utf-8", "replace"))
    except ValueError as error:
        raise InvalidProviderResponse("the provider's answer is not JSON") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a model client does. Whoever treats clients differently looks here, never at a name.

    simulated: its answers come from a script, so that nothing is retrieved for them and no tool is on offer.
    runs_agent: it asks other models itself, in a run with tools, and puts memory into what those models see.
    passes_unknown: it passes on parameters that nobody here knows.
    """

    simulated: bool = False
    runs_agent: bool = False
    passes_unknown: bool = True

    @property
    def takes_tools(self) -> bool:
        """Returns: whether the gateway may put tools of its own on offer."""
        return not (self.simulated or self.runs_agent)


class ModelClient(Protocol):
    """Asks a model. `name` goes into `x-mini-agent-provider`."""

    name: str
    capabilities: Capabilities

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


class Plain:
    """A client that is never asked for a stream, and holds nothing."""

    def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Never asked for: a stream is refused before."""
        raise NotImplementedError(request.target.model)

    async def aclose(self) -> None:
        """Nothing to free: what it asks with belongs to the app."""


class Around(Plain):
    """A client that asks another one, `inner`, and goes by its name."""

    def __init__(self, inner: ModelClient) -> None:
        self.name = inner.name
        self.capabilities = inner.capabilities
        self._inner = inner
