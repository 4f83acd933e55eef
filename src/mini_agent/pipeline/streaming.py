"""The stream writer (GATEWAY 9 and 15): headers after the first event, failures and signs of life in the dialect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from mini_agent.core.chat import DONE
from mini_agent.core.errors import InvalidProviderResponse
from mini_agent.core.ports import Clock
from mini_agent.dialects import Dialect
from mini_agent.dialects.frames import FRAMINGS, Framing
from mini_agent.edge.disconnect import CancelOnDisconnect
from mini_agent.edge.envelope import Told
from mini_agent.edge.exchange import Receive, Scope, Send
from mini_agent.upstreams.protocol import Batch

_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)
_OWN_NAMES = frozenset(name for name, _ in _HEADERS)


async def write_stream(
    batches: AsyncGenerator[Batch, None],
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    headers: list[tuple[bytes, bytes]],
    clock: Clock,
    keep_alive_s: float,
    on_error: Callable[[Exception], Told],
    framing: Framing = FRAMINGS[Dialect.CHAT],
) -> None:
    """Relay a provider's stream to the client.

    batches: as the framing takes them. headers: additional response headers; complete once the first event is there.
    clock, keep_alive_s: what silence is measured with, and the seconds of it before a sign of life.
    on_error: turns a failure after the first event into what the client is sent.
    Raises: GatewayError before anything was sent; ClientDisconnected.
    """
    async with CancelOnDisconnect(scope, receive):
        try:
            batch = await anext(batches, None)
            if batch is None or batch[0] == DONE:
                raise InvalidProviderResponse("the provider's stream has no events")
            more = [header for header in headers if header[0] not in _OWN_NAMES]
            await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *more]})
            silence = _Silence(send, clock, keep_alive_s, framing.ping)
            try:
                end = await _relay(batch, batches, send, silence, on_error, framing)
            finally:
                silence.stop()
        finally:
            await batches.aclose()
    await send({"type": "http.response.body", "body": end})


async def _relay(
    first: Batch,
    batches: AsyncGenerator[Batch, None],
    send: Send,
    silence: _Silence,
    on_error: Callable[[Exception], Told],
    framing: Framing,
) -> bytes:
    """Send all events. Returns: what is still to be sent: the end, or the failure that ends the stream instead."""
    batch: Batch | None = first
    last = first
    done = False
    try:
        while batch is not None:
            if not done:
                silence.touch()
                await send({"type": "http.response.body", "body": framing.frame(batch), "more_body": True})
                last = batch
            done = done or batch[-1] == DONE
            # Past `[DONE]` nothing is sent, but the client may still have to give its connection back.
            batch = await anext(batches, None)
    except Exception as error:  # noqa: BLE001 - headers are out: it can only be said inside the stream
        failure = on_error(error)
        ending = framing.failure(failure.body, failure.status, first[0], last[-1])
        return b"" if done else framing.frame(ending)
    return b"" if done or not framing.terminator else framing.frame(framing.terminator)


class _Silence:
    """Sends a sign of life whenever nothing was sent for a while. One task per stream, not one per event."""

    def __init__(self, send: Send, clock: Clock, seconds: float, ping: bytes) -> None:
        self._send = send
        self._clock = clock
        self._seconds = seconds
        self._ping = ping
        self._last = clock.monotonic()
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    def touch(self) -> None:
        """Note that something is sent now."""
        self._last = self._clock.monotonic()

    def stop(self) -> None:
        """End the watch."""
        self._watcher.cancel()

    async def _watch(self) -> None:
        while True:
            left_s = self._last + self._seconds - self._clock.monotonic()
            if left_s > 0:
                await self._clock.sleep(left_s)
                continue
            self.touch()
            await self._send({"type": "http.response.body", "body": self._ping, "more_body": True})
