"""`create_interceptor`: a reverse proxy for one project folder (GATEWAY 10.1). Pure ASGI."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import aiohttp
import msgspec

from mini_agent.core.errors import GatewayError, InternalError
from mini_agent.core.logs import new_logger
from mini_agent.core.ports import SYSTEM_CLOCK, Clock, new_id
from mini_agent.core.redaction import Redactor
from mini_agent.edge.envelope import ErrorWriter, translate
from mini_agent.edge.exchange import Receive, Scope, Send
from mini_agent.edge.guard import DoorRules
from mini_agent.edge.ids import request_id_of
from mini_agent.edge.shell import CLIENT_CLOSED, Shell
from mini_agent.interceptor.body import ClientGone, ClientSide
from mini_agent.interceptor.headers import outgoing_headers
from mini_agent.interceptor.settings import InterceptorSettings
from mini_agent.interceptor.target import Target
from mini_agent.net.failures import TRANSPORT_ERRORS
from mini_agent.net.hop_headers import end_to_end

HEALTH_PATH = "/health"
_LONGEST_LOGGED_PATH = 200


def create_interceptor(
    settings: InterceptorSettings, log: logging.Logger | None = None, clock: Clock = SYSTEM_CLOCK
) -> Interceptor:
    """Build the interceptor. Opens nothing before the first request.

    log: where it logs; JSON lines on stderr by default.
    Returns: the ASGI application.
    """
    redactor = Redactor([settings.api_key] if settings.api_key else [])
    return Interceptor(settings, redactor, log or new_logger("info", redactor), clock)


class Interceptor(Shell):
    """Answers `GET /health` itself and relays every other request to its target."""

    def __init__(self, settings: InterceptorSettings, redactor: Redactor, log: logging.Logger, clock: Clock) -> None:
        rules = DoorRules(bound=settings.host, hosts=settings.allowed_hosts, origins=settings.allowed_origins)
        super().__init__(rules, ErrorWriter(redactor, debug=False), clock=clock, log=log)
        self._settings = settings
        self._target = Target(settings)
        self._health = msgspec.json.encode(
            {
                "status": "healthy",
                "instance_id": settings.instance_id,
                "target": redactor.text(settings.target),
                "project": settings.project,
            }
        )

    async def _lifespan(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._target.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = self._clock.monotonic()
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), None)
        answer = _Answer(send, request_id_of(given, new_id))
        try:
            await self._judged(scope, receive, answer)
        finally:
            where = {"path": self._errors.clean(scope["path"])[:_LONGEST_LOGGED_PATH]}
            seconds = self._clock.monotonic() - started
            self._write_line(answer.request_id, scope, where, answer.status or CLIENT_CLOSED, seconds)

    async def _judged(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            admission = self._guard.admit(scope)
        except GatewayError as error:
            await answer.failure(error, self._errors)
            return
        answer.added = admission.headers
        if admission.preflight:
            await answer.start(204, [])
            await answer.end()
        elif scope["method"] == "GET" and scope["path"] == HEALTH_PATH:
            await answer.whole(200, self._health)
        else:
            await self._while_client_stays(scope, receive, answer)

    async def _while_client_stays(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        """Relay; a client that leaves cancels the request to the target."""
        headers = dict(reversed(scope["headers"]))
        chunked = b"transfer-encoding" in headers
        declared = None if chunked else _declared(headers)
        settings = self._settings
        client = ClientSide(
            receive, declared, chunked=chunked, idle_s=settings.body_idle_s, total_s=settings.body_total_s
        )
        try:
            async with asyncio.TaskGroup() as group:
                watcher = group.create_task(client.watch())
                await self._relay_or_explain(scope, client, answer, chunked=chunked)
                watcher.cancel()
        except* ClientGone:
            pass  # Nobody is left to tell; the log line has the status.

    async def _relay_or_explain(self, scope: Scope, client: ClientSide, answer: _Answer, *, chunked: bool) -> None:
        try:
            headers = outgoing_headers(scope["headers"], self._settings, chunked=chunked)
            response = await self._target.send(scope, headers, client)
            try:
                await self._relay_back(response, answer)
            finally:
                # Back to the pool if the body was read to its end; otherwise this closes the connection.
                response.release()
        except (ClientGone, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an envelope
            failure = translate(error)
            if isinstance(failure, InternalError):
                self._log.error("internal error", extra={"facts": {"request_id": answer.request_id}}, exc_info=error)
            await answer.failure(failure, self._errors)

    async def _relay_back(self, response: aiohttp.ClientResponse, answer: _Answer) -> None:
        await answer.start(response.status, end_to_end(response.raw_headers))
        try:
            content = response.content
            while part := await content.readany():
                if content.at_eof():
                    await answer.end(part)
                    return
                await answer.part(part)
        except TRANSPORT_ERRORS as error:
            # Half an answer is out. Left unfinished, the connection closes, and the client sees that it is not whole.
            cause = self._target.explain(error)
            facts = {"request_id": answer.request_id, "cause": cause.message}
            self._log.warning("the target's answer broke off", extra={"facts": facts})
            return
        await answer.end()


class _Answer:
    """What goes back to the client. status: 0 until it is sent. added: what the door adds to its headers."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status = 0
        self.added: tuple[tuple[bytes, bytes], ...] = ()

    async def start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        if self.added:  # The door has answered for the page; two answers would be none.
            headers = [header for header in headers if not header[0].lower().startswith(b"access-control-")]
            headers += self.added
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def part(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        await self._send({"type": "http.response.body", "body": data})

    async def whole(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send an answer of our own: JSON, with the request id."""
        own = {"content-type": "application/json", "content-length": str(len(body)), "x-request-id": self.request_id}
        own.update(headers or {})
        await self.start(status, [(name.encode(), value.encode()) for name, value in own.items()])
        await self._send({"type": "http.response.body", "body": body})

    async def failure(self, error: GatewayError, errors: ErrorWriter) -> None:
        """Send an envelope, unless half an answer is out already."""
        if not self.status:
            await self.whole(error.status, errors.encode(error, self.request_id), error.http_headers())


def _declared(headers: Mapping[bytes, bytes]) -> int | None:
    value = headers.get(b"content-length", b"")
    return int(value) if value.isdigit() else None
