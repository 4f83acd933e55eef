"""Running the app on a socket: announce the address, stop in order (GATEWAY.md 1)."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mini_agent.edge.disconnect import WATCH_DISCONNECT

__all__ = ["GatewayProtocol", "GatewayServer", "bind", "server_config"]

_MALFORMED = (
    b'{"error":{"message":"The request is not valid HTTP","type":"invalid_request_error",'
    b'"code":"bad_request","request_id":"%s"}}'
)


class GatewayProtocol(HttpToolsProtocol):
    """The server's HTTP/1.1 protocol with two answers of ours instead of silence or plain text."""

    _on_gone: Callable[[], None] | None = None

    def on_message_begin(self) -> None:
        """Offer the application a cheap way to learn that this client has gone."""
        super().on_message_begin()
        self.scope[WATCH_DISCONNECT] = self._watch_disconnect  # type: ignore[literal-required]  # a key of ours

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever watches."""
        super().connection_lost(exc)
        if self._on_gone is not None:
            self._on_gone()

    def _watch_disconnect(self, callback: Callable[[], None] | None) -> None:
        self._on_gone = callback
        if callback is not None and self.transport.is_closing():
            callback()

    def eof_received(self) -> bool | None:  # type: ignore[override]  # asyncio allows it, uvicorn's stub does not.
        """The client has finished sending. A body shorter than declared gets its 400 before the connection closes.

        A chunked one has declared nothing: ended here, it would look whole, so its client counts as gone.
        Returns: True to keep the connection open for that answer.
        """
        cycle = self.cycle
        if cycle is None or cycle.response_complete or not cycle.more_body:
            return None
        if all(name != b"content-length" for name, _ in self.headers):
            return None
        cycle.more_body = False
        cycle.keep_alive = False
        cycle.message_event.set()
        return True

    def send_400_response(self, _msg: str) -> None:
        """Answer bytes that are not HTTP with the error envelope. The server's own words are not repeated."""
        request_id = b"req-" + _new_id().encode()
        body = _MALFORMED % request_id
        head = (
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
            b"content-length: %d\r\nx-request-id: %s\r\n\r\n"
        )
        self.transport.write(head % (len(body), request_id) + body)
        self.transport.close()


def _new_id() -> str:
    from mini_agent.core.ports import new_id

    return new_id()


class GatewayServer(uvicorn.Server):
    """Calls `on_ready` once the socket accepts, and ends without re-raising the signal that stopped it."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self.stopped_by: int | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then announce."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Handle SIGINT and SIGTERM while serving."""
        handled = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, _frame: FrameType | None) -> None:
        """Stop accepting and let running requests end; a second signal does not wait for them."""
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True
        self.stopped_by = self.stopped_by or sig


def bind(host: str, port: int) -> socket.socket:
    """Bind a listening socket. port: 0 for a free one.

    Returns: the socket, not inheritable by children.
    Raises: OSError when the address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(2048)
    except OSError:
        sock.close()
        raise
    return sock


def server_config(app: Any, *, grace_s: float, loop: Any = "auto", date_header: bool = True) -> uvicorn.Config:
    """Configure the server.

    grace_s: seconds that running requests get after a stop signal. date_header: whether it writes `Date` itself.

    Returns: the configuration.
    """
    return uvicorn.Config(
        app,
        http=GatewayProtocol,
        ws="none",
        loop=loop,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=date_header,
        proxy_headers=False,
        timeout_graceful_shutdown=grace_s,  # type: ignore[arg-type]  # It is awaited as a float.
        timeout_keep_alive=75,
    )
