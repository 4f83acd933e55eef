"""HTTP/1.1 on one connection: uvicorn's protocol, with bounds on what a client may send and on how long it may take.

llhttp reads strictly: of two lengths, a length beside chunks, bare line feeds, folded lines and the like it makes an
error. What it does not bound is how much of a head it takes, and how slowly; and uvicorn writes an error into the
middle of an answer that is on its way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from mini_agent.core.errors import GatewayBusy, GatewayError, HeadersTooLarge, MalformedRequest, RequestBodyTimeout
from mini_agent.core.ports import new_id
from mini_agent.edge.disconnect import WATCH_DISCONNECT
from mini_agent.edge.guard import HEADER_BYTES, HEADER_FIELDS

_UPGRADE_FIELDS = (b"connection", b"upgrade", b"http2-settings")
_MALFORMED = "The request is not valid HTTP"


@dataclass(frozen=True, kw_only=True)
class ConnectionLimits:
    """What one connection may do. Times are seconds.

    connections: most that are open at once. head_s: for a head to be complete, for the first byte of a connection, and
    for the rest of a body whose request is answered. stall_s: for a client to take some of its answer.
    pipelined: most requests that wait behind the one being answered. linger_s: how long what a refused client still
    sends is dropped before the connection closes: closed at once, it would lose the refusal.
    """

    connections: int = 4096
    head_s: float = 10.0
    stall_s: float = 60.0
    pipelined: int = 32
    linger_s: float = 2.0


class _Refused(Exception):
    """Raised in a callback of the parser, which ends the parsing. error: what to tell the client."""

    def __init__(self, error: GatewayError) -> None:
        super().__init__(error.code)
        self.error = error


class GatewayProtocol(HttpToolsProtocol):
    """The server's protocol. limits: of each connection."""

    _on_gone: Callable[[], None] | None = None

    def __init__(self, *arguments: Any, limits: ConnectionLimits, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._limits = limits
        #: The request that is being answered; `cycle` is the one that arrived last.
        self._answering: RequestResponseCycle | None = None
        self._in_head = False  # A part of a head is here.
        self._in_body = False  # A head is here, and its body is not.
        self._progress = 0  # Changes with every head and every piece of a body.
        self._idle_bytes = 0  # Arrived without progress: what the parser holds, or skips.
        self._upgrading = False
        self._refused = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None

    # What the event loop tells -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for a head, unless there are too many connections already."""
        super().connection_made(transport)
        if len(self.connections) > 2 * self._limits.connections:
            transport.abort()
        elif len(self.connections) > self._limits.connections:
            self._refuse(GatewayBusy("This gateway has all the connections that it may have", retry_after=1))
        else:
            self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever watches."""
        if self._answering is not None:
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)
        self._unwatch_head()
        self._unwatch_stall()
        if self._on_gone is not None:
            self._on_gone()

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, and bound what of it is neither a whole head nor a piece of a body."""
        progress = self._progress
        rest = data
        while rest and not self._refused:
            self._unset_keepalive_if_required()
            try:
                self.parser.feed_data(rest)
                rest = b""
            except httptools.HttpParserUpgrade as stop:
                rest = self._without_upgrade(rest[stop.args[0] :])
            except httptools.HttpParserError as error:
                cause = error.__context__
                self._refuse(cause.error if isinstance(cause, _Refused) else MalformedRequest(_MALFORMED))
        if self._progress != progress:
            self._idle_bytes = 0
        else:
            self._idle_bytes += len(data)
            if self._idle_bytes > HEADER_BYTES and not self._refused:
                self._refuse(_too_large())
        if self._in_head or (self._idle_bytes and not self._in_body):
            self._watch_head()

    def eof_received(self) -> bool | None:  # type: ignore[override]  # asyncio allows it, uvicorn's stub does not.
        """The client has finished sending. A body shorter than declared gets its 400 before the connection closes.

        A chunked one has declared nothing: ended here, it would look whole, so its client counts as gone.
        Returns: True to keep the connection open for that answer.
        """
        cycle = self.cycle
        if self._refused or cycle is None or cycle.response_complete or not cycle.more_body:
            return None
        if all(name != b"content-length" for name, _ in self.headers):
            return None
        cycle.more_body = False
        cycle.keep_alive = False
        cycle.message_event.set()
        return True

    def pause_writing(self) -> None:
        """The client takes nothing: for a while only, or its answer would hold a provider's connection for ever."""
        super().pause_writing()
        self._stall_timer = self.loop.call_later(self._limits.stall_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It takes something again."""
        super().resume_writing()
        self._unwatch_stall()

    # What the parser tells -----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Offer the application a cheap way to learn that this client has gone."""
        super().on_message_begin()
        self._in_head = True
        self.scope[WATCH_DISCONNECT] = self._watch_disconnect  # type: ignore[literal-required]  # a key of ours

    def on_headers_complete(self) -> None:
        """Start the request, unless its first line is not HTTP/1, or it asks for another protocol."""
        self._progress += 1
        self._in_head = False
        if self._head_timer is not None:
            self._unwatch_head()
        if len(self.headers) > HEADER_FIELDS:
            raise _Refused(_too_large())
        if self.parser.get_http_version() not in ("1.0", "1.1"):
            raise _Refused(MalformedRequest(_MALFORMED))
        self._upgrading = self.parser.should_upgrade()
        if self._upgrading:
            return
        if len(self.pipeline) >= self._limits.pipelined:
            raise _Refused(GatewayBusy("Too many requests wait on this connection", retry_after=1))
        super().on_headers_complete()
        # What stands behind a chunked body is nobody's header: the application keeps the list that it has.
        self.headers = self.headers.copy()
        self._in_body = True

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._progress += 1
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole. If it was answered before, only now the connection is idle."""
        self._progress += 1
        self._in_body = False
        if self._upgrading:
            return
        if self.cycle.response_complete:
            self._unwatch_head()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        else:
            super().on_message_complete()

    # What the application does -------------------------------------------------------------------------------------

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Go on with the next request. The rest of a body that nobody reads may still come, for a while."""
        super().on_response_complete()
        if self._in_body and self._answering is self.cycle:
            self._unset_keepalive_if_required()
            self._watch_head()

    def _watch_disconnect(self, callback: Callable[[], None] | None) -> None:
        self._on_gone = callback
        if callback is not None and self.transport.is_closing():
            callback()

    def _without_upgrade(self, rest: bytes) -> bytes:
        """Write a request as if it had not asked for another protocol, which HTTP/1.1 allows a server to overlook.

        The parser would skip its body. Java's client asks for HTTP/2 in this way with every first request.

        rest: what followed its head.
        Returns: what to parse instead.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":
            self._refuse(MalformedRequest(_MALFORMED))
            return b""
        closes = any(name == b"connection" and b"close" in value.lower() for name, value in self.headers)
        lines = [b"%s %s HTTP/%s" % (method, self.url, version)]
        lines += [b"%s: %s" % header for header in self.headers if header[0] not in _UPGRADE_FIELDS]
        lines += [b"connection: close"] if closes else []
        self.parser = httptools.HttpRequestParser(self)
        return b"\r\n".join([*lines, b"", rest])

    # Deadlines and refusals ----------------------------------------------------------------------------------------

    def _watch_head(self) -> None:
        if self._head_timer is None and not self._refused:
            self._head_timer = self.loop.call_later(self._limits.head_s, self._too_slow)

    def _unwatch_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _unwatch_stall(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if self.flow.read_paused:
            self._watch_head()  # We do not listen: the client may have sent it long ago.
        elif self._in_head or (self._idle_bytes and not self._in_body):
            self._refuse(RequestBodyTimeout("The head of the request did not arrive in time"))
        else:
            self.transport.close()

    def _refuse(self, error: GatewayError) -> None:
        """Tell the client, drop what else it sends, and close.

        An answer that is on its way is not written into: an earlier request gets it whole, and then the connection
        ends; the one that turned out to be broken is cut off where it is.
        """
        self._refused = True
        self._unwatch_head()
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        cycle = self._answering
        if cycle is not None and not cycle.response_complete:
            if cycle is not self.cycle or not self._in_body:
                self.pipeline.clear()
                cycle.keep_alive = False
                return
            cycle.disconnected = True
            cycle.message_event.set()
            if self._on_gone is not None:
                self._on_gone()
            if cycle.response_started:
                self.transport.close()
                return
        self.logger.warning("request refused: %s", error.code)
        self._write_refusal(error)

    def _write_refusal(self, error: GatewayError) -> None:
        if self.transport.is_closing():
            return
        request_id = f"req-{new_id()}"
        envelope = {"message": error.message, "type": error.type, "code": error.code, "request_id": request_id}
        body = msgspec.json.encode({"error": envelope})
        lines = {
            "content-type": "application/json",
            "connection": "close",
            "content-length": len(body),
            "x-request-id": request_id,
            **error.http_headers(),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        status = STATUS_LINE[error.status]
        self.transport.write(b"%s%s\r\n%s" % (status, head.encode(), body))
        self.transport.write_eof()
        self.loop.call_later(self._limits.linger_s, self.transport.close)


def _too_large() -> GatewayError:
    return HeadersTooLarge(f"The head of a request may have {HEADER_BYTES} bytes and {HEADER_FIELDS} fields")
