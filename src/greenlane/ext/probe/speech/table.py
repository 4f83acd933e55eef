"""Which dialect is spoken how."""

from __future__ import annotations

from greenlane.ext.probe.speech.chat import Chat
from greenlane.ext.probe.speech.messages import Messages
from greenlane.ext.probe.speech.others import Silent
from greenlane.ext.probe.speech.protocol import Speech
from greenlane.ext.probe.speech.responses import Responses
from greenlane.ext.probe.values import Dialect

SPEECHES: dict[Dialect, Speech] = {
    Dialect.CHAT: Chat(),
    Dialect.MESSAGES: Messages(),
    Dialect.RESPONSES: Responses(),
    Dialect.EMBEDDINGS: Silent("/v1/embeddings"),
    Dialect.AGENT: Silent("/agent/run"),
    Dialect.MCP: Silent("/mcp"),
}
