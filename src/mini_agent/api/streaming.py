"""The stream writer (GATEWAY.md 9): headers after the first event, one error frame, always `[DONE]`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from mini_agent.core.chat import DONE
from mini_agent.core.errors import InvalidProviderResponse
from mini_agent.core.ports import Clock
from mini_agent.edge.disconnect import CancelOnDisconnect
from mini_agent.edge.exchange import Receive, Scope, Send
from mini_agent.upstreams.protocol import Batch

__all__ = ["frames", "write_stream"]

_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)
_OWN_NAMES = frozenset(name for name, _ in _HEADERS)
_DONE_FRAME = b"data: [DONE]\n\n"
_COMMENT = b": keep-alive\n\n"


def frames(batch: Batch) -> bytes:
    """Returns: the events of a batch as one piece of wire text."""
    return b"data: " + b"\n\ndata: ".join(batch) + b"\n\n"


async def write_stream(
    batches: AsyncGenerator[Batch, None],
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    headers: list[tuple[bytes, bytes]],
    clock: Clock,
    keep_alive_s: float,
    on_error: Callable[[Exception], bytes],
) -> None:
    """Relay a provider's stream to the client.

    headers: additional response headers; complete once the first event is there. clock, keep_alive_s: what silence is
    measured with, and the seconds of it before a comment is sent.
    on_error: turns a failure after the first event into the JSON of its error frame.
    Raises: GatewayError before anything was sent; ClientDisconnected.
    """
    async with CancelOnDisconnect(scope, receive):
        try:
            batch = await anext(batches, None)
            if batch is None or batch[0] == DONE:
                raise InvalidProviderResponse("the provider's stream has no events")
            more = [header for header in headers if header[0] not in _OWN_NAMES]
            await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *more]})
            silence = _KeepAlive(send, clock, keep_alive_s)
            try:
                done = await _relay(batch, batches, send, silence, on_error)
            finally:
                silence.stop()
        finally:
            await batches.aclose()
    await send({"type": "http.response.body", "body": b"" if done else _DONE_FRAME})


async def _relay(
    first: Batch,
    batches: AsyncGenerator[Batch, None],
    send: Send,
    silence: _KeepAlive,
    on_error: Callable[[Exception], bytes],
) -> bool:
    """Send all events, and a failure as one frame. Returns: whether `[DONE]` was among them."""
    done = False
    batch: Batch | None = first
    try:
        while batch is not None:
            if not done:
                silence.touch()
                await send({"type": "http.response.body", "body": frames(batch), "more_body": True})
            done = done or batch[-1] == DONE
            # Past `[DONE]` nothing is sent, but the client may still have to give its connection back.
            batch = await anext(batches, None)
    except Exception as error:  # noqa: BLE001 - headers are out: it can only be told inside the stream
        failure = on_error(error)
        if not done:
            await send({"type": "http.response.body", "body": frames([failure]), "more_body": True})
    return done


class _KeepAlive:
    """Sends a comment whenever nothing was sent for a while. One task per stream, not one per event."""

    def __init__(self, send: Send, clock: Clock, seconds: float) -> None:
        self._send = send
        self._clock = clock
        self._seconds = seconds
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
            await self._send({"type": "http.response.body", "body": _COMMENT, "more_body": True})
