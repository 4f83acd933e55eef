"""The last step: ask the provider, and write its answer, whole or as a stream."""

from __future__ import annotations

from mini_agent.core.errors import GatewayError
from mini_agent.dialects.frames import FRAMINGS
from mini_agent.edge.disconnect import CancelOnDisconnect
from mini_agent.edge.envelope import Told
from mini_agent.edge.exchange import send_body
from mini_agent.pipeline.flow import Flow
from mini_agent.pipeline.services import ModelServices
from mini_agent.pipeline.streaming import write_stream


class Call:
    """Asks the client of a flow. Retries are its transport's, before the first byte."""

    def __init__(self, services: ModelServices) -> None:
        self._services = services
        settings = services.settings
        self._delay_s = 0.0 if settings.shim_mode == "echo" else settings.shim_delay_ms / 1000

    async def __call__(self, flow: Flow) -> None:
        """Answer. Raises: GatewayError before anything was sent; ClientDisconnected."""
        try:
            if flow.stream:
                await self._stream(flow)
                return
            async with CancelOnDisconnect(flow.scope, flow.receive):
                if self._delay_s:
                    await self._services.clock.sleep(self._delay_s)
                raw = await flow.client.complete(flow.request)
        except GatewayError as error:
            self._count(flow, error.code)
            raise
        await send_body(flow.send, raw, headers=flow.headers)

    async def _stream(self, flow: Flow) -> None:
        services = self._services

        def on_error(error: Exception) -> Told:
            failure = services.tell("stream failed", error, flow.exchange.request_id)
            self._count(flow, failure.code)
            return failure

        if self._delay_s:
            await services.clock.sleep(self._delay_s)
        services.metrics.stream(1)
        try:
            await write_stream(
                flow.client.stream(flow.request),
                flow.scope,
                flow.receive,
                flow.send,
                headers=flow.headers,
                clock=services.clock,
                keep_alive_s=services.settings.keep_alive_s,
                on_error=on_error,
                framing=FRAMINGS[flow.dialect],
            )
        finally:
            services.metrics.stream(-1)

    def _count(self, flow: Flow, code: str) -> None:
        self._services.metrics.provider_error(flow.client.name, flow.target.group, code)
