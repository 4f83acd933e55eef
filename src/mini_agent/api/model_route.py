"""What the routes of all dialects do with a request: admit, user, memory, tools, provider, answer. Plain and streamed.

Everything happens in the caller's dialect; where the provider speaks another one, its client translates.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mini_agent.api.streaming import Envelope, write_stream
from mini_agent.core.chat import ModelTarget, ProviderRequest
from mini_agent.core.errors import GatewayError
from mini_agent.core.ports import Clock
from mini_agent.dialects import Dialect
from mini_agent.dialects.editing import spoken, without_seals
from mini_agent.edge.body import BodyReader
from mini_agent.edge.disconnect import CancelOnDisconnect
from mini_agent.edge.envelope import ErrorWriter, translate
from mini_agent.edge.exchange import EXCHANGE, Exchange, Receive, Scope, Send, send_body
from mini_agent.edge.keys import KeyGuard
from mini_agent.edge.metrics import Metrics
from mini_agent.memory.recall import Recall
from mini_agent.pipeline.caller import Callers, next_hop
from mini_agent.pipeline.parameters import ModelBody, outgoing_body, parse_body
from mini_agent.runs.tool_chat import ToolChat
from mini_agent.runs.tool_dialog import ToolDialog
from mini_agent.settings import Settings
from mini_agent.tools.chat_tools import ChatTools
from mini_agent.upstreams.protocol import ModelClient
from mini_agent.upstreams.registry import Registry
from mini_agent.upstreams.speaking import DROPPED_HEADER, dropped_names
from mini_agent.upstreams.table import Clients

__all__ = ["ModelRoute", "ModelServices"]

#: Scripts call no tools, and an agent brings its own.
_WITHOUT_TOOLS = ("scripted", "mini_agent")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelServices:
    """What the chat route works with.

    echo: answers for all models in shim mode `echo`. recall: None unless memory is retrieved.
    """

    settings: Settings
    guard: KeyGuard
    reader: BodyReader
    callers: Callers
    recall: Recall | None
    chat_tools: ChatTools
    registry: Registry
    clients: Clients
    echo: ModelClient
    errors: ErrorWriter
    metrics: Metrics
    clock: Clock
    log: logging.Logger


class ModelRoute:
    """Authentication, size, JSON, fields, guard, user, memory, provider: in this order."""

    def __init__(self, services: ModelServices, dialect: Dialect) -> None:
        self._services = services
        self._dialect = dialect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises: GatewayError before anything was sent; ClientDisconnected."""
        services = self._services
        exchange: Exchange = scope[EXCHANGE]
        services.guard.check(exchange.headers)
        hop = next_hop(exchange.headers)
        asked = parse_body(await services.reader.read_object(receive, exchange.headers), self._dialect)
        target = self._target(asked)
        exchange.model = target.group
        client = self._client(target)
        headers = [(b"x-mini-agent-provider", client.name.encode())]
        body, dropped = outgoing_body(asked, target)
        if target.dialect == self._dialect:
            body = without_seals(body)
        if dropped:
            headers.append((DROPPED_HEADER, dropped_names(sorted(dropped))))
        request = ProviderRequest(
            target=target,
            body=body,
            caller=services.callers.of(exchange, hop),
            query=scope.get("query_string", b"").decode("latin-1"),
            protocol_headers=services.callers.protocol_headers(exchange, self._dialect, target),
            on_response_headers=headers.extend,
        )
        request = await self._remember(client, request, (scope, receive, send))
        await self._answer(self._with_tools(client, request), request, asked.stream, headers, (scope, receive, send))

    def _target(self, asked: ModelBody) -> ModelTarget:
        if self._services.settings.shim_mode == "echo":
            return ModelTarget(model=asked.model, client="scripted")
        return self._services.registry.resolve(asked.model)

    def _client(self, target: ModelTarget) -> ModelClient:
        """Returns: who answers, in the caller's dialect."""
        services = self._services
        if services.settings.shim_mode == "echo":
            return services.clients.speaking(services.echo, target, self._dialect)
        return services.clients.of(target, self._dialect)

    def _with_tools(self, client: ModelClient, request: ProviderRequest) -> ModelClient:
        """Returns: the client, around which the gateway runs the tools that it adds to this request, if any."""
        if client.name in _WITHOUT_TOOLS or (tools := self._services.chat_tools.of(request)) is None:
            return client
        options = self._services.settings.config.tool_execution
        limits: Any = {"max_iterations": options.max_iterations, "timeout_s": options.timeout_per_tool}
        if self._dialect is Dialect.CHAT:
            return ToolChat(client, tools, **limits, log=self._services.log)
        reply = self._services.clients.reply(request, self._dialect)
        return ToolDialog(client, tools, self._dialect, reply, **limits, log=self._services.log)

    async def _remember(
        self, client: ModelClient, request: ProviderRequest, wire: tuple[Scope, Receive, Send]
    ) -> ProviderRequest:
        """Returns: the request with what the memory service knows, where that is configured."""
        recall = self._services.recall
        if recall is None or client.name == "scripted":
            return request
        scope, receive, _ = wire
        async with CancelOnDisconnect(scope, receive):
            inject = await recall.injection(request.caller, request.target, self._said(request))
        if inject is None or client.name == "mini_agent":
            return replace(request, inject=inject)
        return replace(request, body=inject.into(request.body, self._dialect))

    def _said(self, request: ProviderRequest) -> Sequence[dict[str, Any]]:
        """Returns: the conversation as messages of chat, at least their texts."""
        if self._dialect is Dialect.CHAT:
            messages: list[dict[str, Any]] = request.body["messages"]
            return messages
        return [{"role": turn.role, "content": turn.text} for turn in spoken(request.body, self._dialect)]

    async def _answer(
        self,
        client: ModelClient,
        request: ProviderRequest,
        stream: bool,
        headers: list[tuple[bytes, bytes]],
        wire: tuple[Scope, Receive, Send],
    ) -> None:
        scope, receive, send = wire
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

        def on_error(error: Exception) -> Envelope:
            failure = translate(error)
            self._count(client, request, failure)
            services.log.warning(
                "stream failed",
                extra={"facts": {"request_id": request.caller.request_id, "code": failure.code}},
                exc_info=error if failure is not error else None,
            )
            return Envelope(services.errors.envelope(failure, request.caller.request_id), failure.status)

        await self._delay()
        services.metrics.streams_in_flight.inc()
        try:
            await write_stream(
                client.stream(request),
                *wire,
                headers=headers,
                clock=services.clock,
                keep_alive_s=services.settings.keep_alive_s,
                on_error=on_error,
                dialect=self._dialect,
            )
        finally:
            services.metrics.streams_in_flight.dec()

    def _count(self, client: ModelClient, request: ProviderRequest, error: GatewayError) -> None:
        self._services.metrics.provider_error(client.name, request.target.group, error.code)

    async def _delay(self) -> None:
        settings = self._services.settings
        if settings.shim_delay_ms and settings.shim_mode != "echo":
            await self._services.clock.sleep(settings.shim_delay_ms / 1000)
