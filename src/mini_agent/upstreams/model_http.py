"""Requests to models over HTTP, plain and streamed: what the clients of all protocols share (GATEWAY 7.2 and 9).

Answers are checked and passed on as the bytes that arrived; they are never decoded and encoded again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import aiohttp

from mini_agent.core.chat import ProviderRequest
from mini_agent.core.errors import GatewayError, InvalidProviderResponse
from mini_agent.core.ports import Clock
from mini_agent.core.text import valid_utf8
from mini_agent.net.bounded import AnswerTooLarge, read_bounded
from mini_agent.net.connections import Connections, Place
from mini_agent.net.failures import TRANSPORT_ERRORS, error_of_transport, read_refusal
from mini_agent.net.retry import Backoff, RetryRule, retry_after_seconds
from mini_agent.net.sse import SseReader
from mini_agent.net.stale import send_past_stale
from mini_agent.upstreams.model_call import ModelCall
from mini_agent.upstreams.protocol import Batch, Capabilities

CONNECT_S = 30.0
READ_S = 600.0
#: How long the end of the HTTP body may lag behind `[DONE]` before the connection is given up instead of reused.
_DRAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class _Again:
    """A refusal that is worth another attempt. wait_s: what the provider asked for in seconds, None for nothing."""

    wait_s: float | None


class _Opened(NamedTuple):
    """An answer that is being read, and its place in the pool."""

    response: aiohttp.ClientResponse
    place: Place

    def release(self) -> None:
        """Let go of it.

        Its connection goes back to the pool if it was read to its end; otherwise this closes it, which is how the
        provider learns that nobody listens any more.
        """
        self.response.release()
        self.place.release()


class ModelHttp:
    """Posts requests.

    connections: of the app. backoff: of retries. again: whether to ask twice does no harm, where a connection ends
    without a byte of the answer (`net.stale`).
    """

    def __init__(
        self,
        connections: Connections,
        clock: Clock,
        backoff: RetryRule = Backoff(),  # noqa: B008 - it is frozen
        *,
        again: bool = True,
    ) -> None:
        self._again = again
        self._connections = connections
        self._clock = clock
        self._backoff = backoff

    async def complete(self, call: ModelCall) -> bytes:
        """Ask once. Returns: the provider's bytes. Raises: GatewayError."""
        answer = await self._open(call, _plain_timeout(call.timeout_s))
        try:
            raw = valid_utf8(await read_bounded(answer.response, self._connections.answer_bytes))
        except AnswerTooLarge as error:
            raise InvalidProviderResponse(f"the provider's answer is larger than {error.limit} bytes") from error
        except TRANSPORT_ERRORS as error:
            raise error_of_transport(error) from error
        finally:
            answer.release()
        return call.wire.check_answer(raw)

    async def stream(self, call: ModelCall) -> AsyncGenerator[Batch, None]:
        """Ask for a stream. Returns: the provider's events as they arrive. Raises: GatewayError."""
        seconds = call.stream_timeout_s or call.timeout_s or READ_S
        answer = await self._open(call, _stream_timeout(seconds))
        try:
            response, reader, guard = answer.response, SseReader(), call.wire.guards(call.wire, call.choices)
            data = b"-"
            while data:
                try:
                    data = await response.content.readany()
                except TRANSPORT_ERRORS as error:
                    raise error_of_transport(error) from error
                payloads = reader.feed(data) if data else reader.finish()
                done, failure = guard.check(payloads)
                if payloads:
                    yield payloads
                if failure is not None:
                    raise failure
                if done:
                    await self._drain(response)
                    return
            if not guard.finished():
                raise InvalidProviderResponse("the provider's stream ended before the answer was finished")
        finally:
            answer.release()

    async def _drain(self, response: aiohttp.ClientResponse) -> None:
        """Read the end of the body, so that the connection can serve the next request."""
        if response.content.at_eof():
            return
        try:
            async with asyncio.timeout(_DRAIN_S):
                while await response.content.readany():
                    pass
        except TRANSPORT_ERRORS:
            response.close()

    async def _open(self, call: ModelCall, timeout: aiohttp.ClientTimeout) -> _Opened:
        """Send, with the retries of GATEWAY 7.2. Returns: a 2xx answer whose body is unread. Raises: GatewayError."""
        attempt = 0
        while True:
            place = await self._connections.place(call.user_id, call.url)
            try:
                found = await self._attempt(call, place.held.client, timeout, last=attempt >= call.max_retries)
            except BaseException:
                place.release()
                raise
            if isinstance(found, aiohttp.ClientResponse):
                return _Opened(found, place)
            # Who waits takes no place from those who could go on.
            place.release()
            await self._clock.sleep(self._backoff.wait_s(attempt, found.wait_s))
            attempt += 1

    async def _attempt(
        self, call: ModelCall, client: aiohttp.ClientSession, timeout: aiohttp.ClientTimeout, *, last: bool
    ) -> aiohttp.ClientResponse | _Again:
        """Send once. Returns: a 2xx answer, or that it may be tried again. Raises: GatewayError."""
        try:
            response = await client.post(
                call.url,
                data=self._connections.body(call.body, again=self._again),
                headers=call.headers,
                timeout=timeout,
                allow_redirects=False,
                middlewares=(send_past_stale,),
            )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            if last or isinstance(error, aiohttp.ClientSSLError):
                raise error_of_transport(error) from error
            return _Again(None)
        except (*TRANSPORT_ERRORS, ValueError) as error:
            raise error_of_transport(error) from error
        if 200 <= response.status < 300:
            if call.on_answer is not None:
                call.on_answer(response.headers)
            return response
        if not last and self._backoff.retries(response.status):
            response.release()
            # The second name is LiteLLM's, for what a provider behind it has asked for.
            asked = response.headers.get("retry-after") or response.headers.get("llm_provider-retry-after")
            return _Again(retry_after_seconds(asked, self._clock.time()))
        raise await self._refusal(response, call)

    async def _refusal(self, response: aiohttp.ClientResponse, call: ModelCall) -> GatewayError:
        body, now = await read_refusal(response), self._clock.time()
        return call.wire.of_status(response.status, response.headers, body, now=now, model=call.model)


class HttpClient:
    """A model client over HTTP. write: makes the call of a request; told whether it is for a stream."""

    capabilities = Capabilities()

    def __init__(self, name: str, http: ModelHttp, write: Callable[[ProviderRequest, bool], ModelCall]) -> None:
        self.name = name
        self._http = http
        self._write = write

    def complete(self, request: ProviderRequest) -> Coroutine[Any, Any, bytes]:
        """Ask once. Returns: what gives the provider's bytes. Raises: GatewayError."""
        return self._http.complete(self._write(request, False))

    def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Ask for a stream. Returns: the provider's events as they arrive. Raises: GatewayError."""
        return self._http.stream(self._write(request, True))

    async def aclose(self) -> None:
        """Nothing to free: the connections belong to the app."""


@lru_cache(maxsize=64)
def _plain_timeout(seconds: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_S, sock_read=seconds or READ_S)


@lru_cache(maxsize=64)
def _stream_timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=seconds)
