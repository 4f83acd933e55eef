"""Which dialect is spoken how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from greenlane.ext.probe.speech.chat import Chat
from greenlane.ext.probe.speech.messages import Messages
from greenlane.ext.probe.speech.protocol import Speech, bearer
from greenlane.ext.probe.speech.responses import Responses
from greenlane.ext.probe.values import Answer, Dialect, Event, Question


class Silent:
    """A dialect of which a check writes and reads the bodies itself."""

    def __init__(self, path: str) -> None:
        self.path = path

    def headers(self, key: str) -> dict[str, str]:
        """Return the key."""
        return bearer(key)

    def body(self, question: Question, model: str, *, stream: bool) -> dict[str, Any]:
        """Not spoken."""
        raise NotImplementedError(f"{self.path} holds no conversation")

    def answer(self, body: dict[str, Any]) -> Answer:
        """Not spoken."""
        raise NotImplementedError(f"{self.path} holds no conversation")

    def joined(self, events: Sequence[Event]) -> Answer:
        """Not spoken."""
        raise NotImplementedError(f"{self.path} holds no conversation")


SPEECHES: dict[Dialect, Speech] = {
    Dialect.CHAT: Chat(),
    Dialect.MESSAGES: Messages(),
    Dialect.RESPONSES: Responses(),
    Dialect.EMBEDDINGS: Silent("/v1/embeddings"),
    Dialect.AGENT: Silent("/agent/run"),
    Dialect.MCP: Silent("/mcp"),
}
