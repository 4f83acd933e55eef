"""`POST /v1/chat/completions`, plain and streamed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from mini_agent.errors import GatewayError, LoopDetected
from mini_agent.http.auth import KeyGuard
from mini_agent.http.body import BodyReader
from mini_agent.http.disconnect import CancelOnDisconnect
from mini_agent.http.exchange import EXCHANGE, Exchange, Receive, Scope, Send, send_body
from mini_agent.http.metrics import Metrics
from mini_agent.http.parameters import outgoing_body, parse_chat
from mini_agent.http.streaming import write_stream
from mini_agent.model.chat import ModelTarget, ProviderRequest
from mini_agent.model.envelope import ErrorWriter, translate
from mini_agent.model.redaction import is_sensitive_header
from mini_agent.ports import Clock
from mini_agent.providers.protocol import ModelClient
from mini_agent.providers.registry import Registry
from mini_agent.settings import Settings

__all__ = ["ChatRoute", "ChatServices", "next_hop", "outgoing_headers"]

#: A request that has passed this many gateways goes in circles.
_MAX_HOPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatServices:
    """What the chat route works with. clients: model clients by the key that a target names."""

    settings: Settings
    guard: KeyGuard
    reader: BodyReader
    registry: Registry
    clients: Mapping[str, ModelClient]
    echo: ModelClient
    errors: ErrorWriter
    metrics: Metrics
    clock: Clock
    log: logging.Logger


class ChatRoute:
    """Authentication, size, JSON, fields, guard, provider: in this order."""

    def __init__(self, services: ChatServices) -> None:
        self._services = services
        general = services.settings.config.general_settings
        self._forward_headers = general is not None and general.forward_client_headers_to_llm_api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one chat request. Raises: GatewayError before anything was sent; ClientDisconnected."""
        services = self._services
        exchange: Exchange = scope[EXCHANGE]
        services.guard.check(exchange.headers)
        hop = next_hop(exchange.headers)
        chat = parse_chat(await services.reader.read_object(receive, exchange.headers))
        if services.settings.shim_mode == "echo":
            target = ModelTarget(model=chat.model, client="scripted")
            client = services.echo
        else:
            target = services.registry.resolve(chat.model)
            client = services.clients[target.client]
        exchange.model = target.group
        body, dropped = outgoing_body(chat, target)
        if dropped:
            services.log.debug("parameters dropped", extra={"facts": {"names": sorted(dropped)[:50]}})
        request = ProviderRequest(
            target=target,
            body=body,
            headers=outgoing_headers(exchange, hop, forward=self._forward_headers),
            request_id=exchange.request_id,
        )
        await self._answer(client, request, chat.stream, (scope, receive, send))

    async def _answer(
        self, client: ModelClient, request: ProviderRequest, stream: bool, wire: tuple[Scope, Receive, Send]
    ) -> None:
        scope, receive, send = wire
        headers = [(b"x-mini-agent-provider", client.name.encode())]
        try:
            if stream:
                await self._stream(client, request, headers, wire)
                return
            async with CancelOnDisconnect(scope, receive):
                await self._delay()
                raw = await client.complete(request)
        except GatewayError as error:
            self._count(client, request, error)
            raise
        await send_body(send, raw, headers=headers)

    async def _stream(
        self,
        client: ModelClient,
        request: ProviderRequest,
        headers: list[tuple[bytes, bytes]],
        wire: tuple[Scope, Receive, Send],
    ) -> None:
        services = self._services

        def on_error(error: Exception) -> bytes:
            failure = translate(error)
            self._count(client, request, failure)
            services.log.warning(
                "stream failed",
                extra={"facts": {"request_id": request.request_id, "code": failure.code}},
                exc_info=error if failure is not error else None,
            )
            return services.errors.encode(failure, request.request_id)

        await self._delay()
        services.metrics.streams_in_flight.inc()
        try:
            await write_stream(
                client.stream(request),
                *wire,
                headers=headers,
                keep_alive_s=services.settings.keep_alive_s,
                on_error=on_error,
            )
        finally:
            services.metrics.streams_in_flight.dec()

    def _count(self, client: ModelClient, request: ProviderRequest, error: GatewayError) -> None:
        self._services.metrics.provider_error(client.name, request.target.group, error.code)

    async def _delay(self) -> None:
        settings = self._services.settings
        if settings.shim_delay_ms and settings.shim_mode != "echo":
            await self._services.clock.sleep(settings.shim_delay_ms / 1000)


def next_hop(headers: Mapping[bytes, bytes]) -> int:
    """Returns: the hop number for outgoing requests. Raises: LoopDetected for a request that goes in circles."""
    value = headers.get(b"x-mini-agent-hop", b"").strip()
    if not value.isdigit():
        return 1
    # Digits beyond the first few change nothing, and converting thousands of them would cost time.
    received = int(value[-19:]) if len(value.lstrip(b"0")) <= 19 else _MAX_HOPS
    if received >= _MAX_HOPS:
        raise LoopDetected("The request has passed through too many gateways: a model entry points back at one of them")
    return received + 1


def outgoing_headers(exchange: Exchange, hop: int, *, forward: bool) -> dict[str, str]:
    """Build the headers of a provider request.

    hop: for `x-mini-agent-hop`. forward: whether the client's harmless `x-*` headers go along.
    Returns: lower-case names with values.
    """
    headers: dict[str, str] = {}
    if forward:
        for raw_name, raw_value in exchange.headers.items():
            if not raw_name.startswith(b"x-"):
                continue
            name = raw_name.decode("latin-1")
            if not is_sensitive_header(name):
                headers[name] = raw_value.decode("latin-1")
    headers["x-request-id"] = exchange.request_id
    headers["x-mini-agent-hop"] = str(hop)
    return headers
