"""The outermost layer: id, door, error envelope, metrics and one log line for every request. Pure ASGI."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from mini_agent.core.errors import GatewayBusy, GatewayError, InternalError
from mini_agent.core.ports import Clock
from mini_agent.dialects import Dialect
from mini_agent.edge.envelope import ErrorWriter, dialect_of, translate
from mini_agent.edge.errors import method_not_allowed, route_not_found
from mini_agent.edge.exchange import EXCHANGE, ClientDisconnected, Exchange, Receive, Scope, Send, send_body
from mini_agent.edge.guard import DoorRules
from mini_agent.edge.ids import request_id_of
from mini_agent.edge.metrics import Metrics
from mini_agent.edge.shell import CLIENT_CLOSED, Shell
from mini_agent.settings import Settings

#: The one route whose 400s carry a top-level `detail`.
DETAIL_ROUTE = "/agent/run"
#: Asked by those who watch over a gateway, above all while it is busy.
_ALWAYS_SERVED = frozenset({"/ready", "/healthz", "/metrics"})


class Edge(Shell):
    """Wraps the router.

    endpoints: (method, path) to endpoint, asked before the router, which walks through its routes; the paths are the
    metrics labels.
    """

    def __init__(
        self,
        router: ASGIApp,
        settings: Settings,
        *,
        endpoints: Mapping[tuple[str, str], ASGIApp],
        errors: ErrorWriter,
        metrics: Metrics,
        clock: Clock,
        ids: Callable[[], str],
        log: logging.Logger,
    ) -> None:
        super().__init__(DoorRules.of(settings), errors, clock=clock, log=log)
        self._router = router
        self._endpoints = endpoints
        self.routes = frozenset(path for _, path in endpoints)
        self._max_requests = settings.max_requests
        self._running = 0
        self._metrics = metrics
        self._ids = ids

    def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self._router(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = self._clock.monotonic()
        # Reversed, so that of duplicates the first counts.
        headers = dict(reversed(scope["headers"]))
        exchange = Exchange(request_id=request_id_of(headers.get(b"x-request-id"), self._ids), headers=headers)
        if scope["path"] in self.routes:
            exchange.route = scope["path"]
        scope[EXCHANGE] = exchange
        scope["app"] = self  # Makes the router raise its 405 instead of answering in plain text.
        answer = _Answer(send, exchange.request_id)
        self._running += 1
        try:
            admission = self._guard.admit(scope)
            if admission.headers:
                answer.headers += admission.headers
            if admission.preflight:
                await _send_preflight(answer)
                return
            if self._running > self._max_requests:
                self._check_load(scope["path"])
            endpoint = self._endpoints.get((scope["method"], scope["path"]))
            if endpoint is None:
                self._check_method(scope)
                endpoint = self._router
            await endpoint(scope, receive, answer)
        except ClientDisconnected:
            answer.status = answer.status or CLIENT_CLOSED
        except asyncio.CancelledError:
            answer.status = answer.status or CLIENT_CLOSED
            raise
        except Exception as error:
            failure = _of_router(error, scope)
            if isinstance(failure, InternalError):
                self._log_fault(failure, exchange)
            if answer.status:
                raise  # Half an answer is out. Only closing the connection tells the client that it is not whole.
            await self._send_error(failure, exchange, answer, dialect_of(scope["path"], headers))
        finally:
            self._running -= 1
            self._account(scope, exchange, answer.status, self._clock.monotonic() - started)

    def _account(self, scope: Scope, exchange: Exchange, status: int, seconds: float) -> None:
        self._metrics.request(exchange.route, scope["method"], status, seconds)
        where = {"route": exchange.route, "group": exchange.model} if exchange.model else {"route": exchange.route}
        self._write_line(exchange.request_id, scope, where, status, seconds)

    def _check_method(self, scope: Scope) -> None:
        """See that a path of its own is not taken for one with a variable part. Raises: MethodNotAllowed."""
        if scope["path"] in self.routes:
            methods = sorted(method for method, path in self._endpoints if path == scope["path"])
            raise method_not_allowed(scope["method"], scope["path"], ", ".join(methods))

    def _check_load(self, path: str) -> None:
        if path not in _ALWAYS_SERVED:
            raise GatewayBusy(f"This gateway works on {self._max_requests} requests already")

    async def _send_error(self, error: GatewayError, exchange: Exchange, send: Send, dialect: Dialect) -> None:
        detail = error.status == 400 and exchange.route == DETAIL_ROUTE
        headers = [(name.encode(), value.encode("latin-1")) for name, value in error.http_headers().items()]
        body = self._errors.encode(error, exchange.request_id, detail=detail, dialect=dialect)
        await send_body(send, body, status=error.status, headers=headers)

    def _log_fault(self, error: InternalError, exchange: Exchange) -> None:
        self._log.error(
            "internal error",
            extra={"facts": {"request_id": exchange.request_id, "route": exchange.route}},
            exc_info=error.__cause__ or error,
        )


class _Answer:
    """The way back to the client, on which every answer gets our own headers. status: 0 until it is sent."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.headers = [(b"x-request-id", request_id.encode())]
        self.status = 0

    def __call__(self, message: MutableMapping[str, Any]) -> Awaitable[None]:
        """Send one ASGI message. Returns: what is to be awaited: the server's own, without a step in between."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], *self.headers]
        return self._send(message)


async def _send_preflight(send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _of_router(error: Exception, scope: Scope) -> GatewayError:
    """Translate, the router's own exceptions included."""
    if isinstance(error, HTTPException):
        if error.status_code == 405:
            methods = (error.headers or {}).get("Allow", "")
            allow = ", ".join(sorted(method.strip() for method in methods.split(",")))
            return method_not_allowed(scope["method"], scope["path"], allow)
        return route_not_found(scope["path"])
    return translate(error)
