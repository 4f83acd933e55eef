"""One HTTP exchange: what every route needs to know about its request, and how it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: Key of the exchange in the ASGI scope.
EXCHANGE = "mini_agent.exchange"


class ClientDisconnected(Exception):
    """The client went away. Nothing can be answered; only the log and the metrics see it."""


@dataclass(slots=True)
class Exchange:
    """Facts about one request. headers: lower-case names as bytes; of duplicates the first counts."""

    request_id: str
    headers: Mapping[bytes, bytes]
    #: Metrics label, set once the route is known.
    route: str = "other"
    #: Extra facts for the log line, never content.
    model: str = ""


async def send_body(
    send: Send,
    body: bytes,
    *,
    status: int = 200,
    content_type: bytes = b"application/json",
    headers: list[tuple[bytes, bytes]] | None = None,
) -> None:
    """Send a whole response. headers: additional ones."""
    head = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    if headers:
        head += headers
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
