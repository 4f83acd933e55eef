"""Chat completions over HTTP, plain and streamed: what all clients of OpenAI's protocol share (GATEWAY.md 7.2 and 9).

Answers are checked and passed on as the bytes that arrived; they are never decoded and encoded again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

import aiohttp
import msgspec
from multidict import CIMultiDictProxy
from yarl import URL

from mini_agent.core.chat import DONE
from mini_agent.core.errors import BackendUnavailable, GatewayError, InvalidProviderResponse
from mini_agent.core.ports import Clock
from mini_agent.net.connections import Connections
from mini_agent.net.sse import SseReader
from mini_agent.upstreams.errors import (
    error_of_event,
    error_of_status,
    error_of_transport,
    retry_after_seconds,
)
from mini_agent.upstreams.protocol import Batch

__all__ = ["OPENAI", "ChatCall", "ChatHttp", "Dialect"]

CONNECT_S = 30.0
READ_S = 600.0
#: Longest wait between two attempts, whatever the provider asks for.
RETRY_AFTER_CAP_S = 5.0
_FIRST_BACKOFF_S = 0.25
#: How long the end of the HTTP body may lag behind `[DONE]` before the connection is given up instead of reused.
_DRAIN_S = 0.05
#: A provider's error text beyond this is not read.
_ERROR_BYTES = 65536

_TRANSPORT_ERRORS = (aiohttp.ClientError, TimeoutError, OSError)
_FINISH = re.compile(rb'"finish_reason"\s*:\s*"')


class _Completion(msgspec.Struct):
    choices: list[msgspec.Raw]


class _Event(msgspec.Struct):
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class ErrorOfStatus(Protocol):
    """Translates a non-2xx answer; `now` is seconds since the epoch."""

    def __call__(
        self, status: int, headers: Mapping[str, str], body: bytes, *, now: float, model: str = ""
    ) -> GatewayError: ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a kind of server says that something failed: as an answer, and as the `error` member of a stream event."""

    of_status: ErrorOfStatus
    of_event: Callable[[Any], GatewayError]


OPENAI = Dialect(error_of_status, error_of_event)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCall:
    """One request. user_id: whose cookies are used. model: as the client named it, for error texts.

    timeout_s: of the whole plain answer, None for the default. stream_timeout_s: of one silence in a stream.
    on_answer: told of the headers of a 2xx answer before anything of its body is passed on.
    """

    url: URL
    body: bytes
    headers: Mapping[str, str] = field(repr=False)
    user_id: str | None
    model: str
    timeout_s: float | None = None
    stream_timeout_s: float | None = None
    max_retries: int = 0
    on_answer: Callable[[CIMultiDictProxy[str]], None] | None = None


class ChatHttp:
    """Posts chat requests. connections: of the app. dialect: of the servers that are called."""

    def __init__(self, connections: Connections, clock: Clock, dialect: Dialect = OPENAI) -> None:
        self._connections = connections
        self._clock = clock
        self._dialect = dialect
        self._completion = msgspec.json.Decoder(_Completion)
        self._event = msgspec.json.Decoder(_Event)

    async def complete(self, call: ChatCall) -> bytes:
        """Ask once. Returns: the provider's bytes. Raises: GatewayError."""
        async with self._connections.slot(call.url):
            response = await self._open(call, _plain_timeout(call.timeout_s))
            try:
                raw = await response.read()
            except _TRANSPORT_ERRORS as error:
                raise error_of_transport(error) from error
            finally:
                response.release()
        try:
            self._completion.decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidProviderResponse("the provider's answer is not a completion object") from error
        return raw

    async def stream(self, call: ChatCall) -> AsyncGenerator[Batch, None]:
        """Ask for a stream. Returns: the provider's events as they arrive. Raises: GatewayError."""
        seconds = call.stream_timeout_s or call.timeout_s or READ_S
        async with self._connections.slot(call.url):
            response = await self._open(call, _stream_timeout(seconds))
            try:
                reader = SseReader()
                data, finished = b"-", False
                while data:
                    try:
                        data = await response.content.readany()
                    except _TRANSPORT_ERRORS as error:
                        raise error_of_transport(error) from error
                    payloads = reader.feed(data) if data else reader.finish()
                    done, failure = self._check(payloads)
                    if payloads:
                        finished = finished or _mentions_finish(payloads)
                        yield payloads
                    if failure is not None:
                        raise failure
                    if done:
                        await self._drain(response)
                        return
                if not finished:
                    raise InvalidProviderResponse("the provider's stream ended before the answer was finished")
            finally:
                # Back to the pool if the answer was read to its end; otherwise this closes the connection, which is
                # how the provider learns that nobody listens any more.
                response.release()

    def _check(self, payloads: list[bytes]) -> tuple[bool, GatewayError | None]:
        """Cut the list after `[DONE]`, or before the first event that is broken or an error."""
        if not payloads:
            return False, None
        done = payloads[-1] == DONE
        if self._all_sound(payloads[:-1] if done else payloads):
            return done, None
        return self._check_each(payloads)

    def _all_sound(self, payloads: list[bytes]) -> bool:
        """Returns: whether all are JSON objects on one line each, and none is an error: one call instead of many."""
        lines = b"\n".join(payloads)
        if b'"error"' in lines or lines.count(b"\n") != max(0, len(payloads) - 1):
            return False
        try:
            return len(self._event.decode_lines(lines)) == len(payloads)
        except (msgspec.DecodeError, RecursionError):
            return False

    def _check_each(self, payloads: list[bytes]) -> tuple[bool, GatewayError | None]:
        for index, payload in enumerate(payloads):
            if payload == DONE:
                del payloads[index + 1 :]
                return True, None
            try:
                event = self._event.decode(payload)
            except (msgspec.DecodeError, RecursionError):
                del payloads[index:]
                return False, InvalidProviderResponse("the provider sent an event that is not a JSON object")
            if event.error is not msgspec.UNSET and (error := msgspec.json.decode(event.error)):
                del payloads[index:]
                return False, self._dialect.of_event(error)
            if b"\n" in payload:
                payloads[index] = payload.replace(b"\n", b" ")
        return False, None

    async def _drain(self, response: aiohttp.ClientResponse) -> None:
        """Read the end of the body, so that the connection can serve the next request."""
        if response.content.at_eof():
            return
        try:
            async with asyncio.timeout(_DRAIN_S):
                while await response.content.readany():
                    pass
        except _TRANSPORT_ERRORS:
            response.close()

    async def _open(self, call: ChatCall, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        """Send, with the retries of 7.2. Returns: a 2xx answer whose body is unread."""
        for attempt in range(call.max_retries + 1):
            last = attempt == call.max_retries
            try:
                session = await self._connections.session(call.user_id, call.url)
                body = self._connections.body(call.body)
                response = await session.post(
                    call.url, data=body, headers=call.headers, timeout=timeout, allow_redirects=False
                )
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                if last:
                    raise error_of_transport(error) from error
                await self._clock.sleep(_backoff_s(attempt))
                continue
            except (*_TRANSPORT_ERRORS, ValueError) as error:
                raise error_of_transport(error) from error
            if 200 <= response.status < 300:
                if call.on_answer is not None:
                    call.on_answer(response.headers)
                return response
            failure, wait_s = await self._refusal(response, call.model)
            if last or response.status not in (429, 503):
                raise failure
            await self._clock.sleep(_backoff_s(attempt) if wait_s is None else min(wait_s, RETRY_AFTER_CAP_S))
        raise BackendUnavailable("the connection to the provider failed")

    async def _refusal(self, response: aiohttp.ClientResponse, model: str) -> tuple[GatewayError, float | None]:
        try:
            body = await response.content.read(_ERROR_BYTES)
        except _TRANSPORT_ERRORS:
            body = b""  # The status already says what happened; the text only explains it.
        finally:
            response.release()
        now = self._clock.time()
        wait_s = retry_after_seconds(response.headers.get("retry-after"), now)
        return self._dialect.of_status(response.status, response.headers, body, now=now, model=model), wait_s


def _mentions_finish(payloads: list[bytes]) -> bool:
    """Returns: whether one of the events has a finish reason."""
    lines = b"\n".join(payloads)
    # The two usual spellings are found at the speed of memory; any other costs a search with a pattern.
    if b'"finish_reason":"' in lines or b'"finish_reason": "' in lines:
        return True
    usual = lines.count(b'"finish_reason":null') + lines.count(b'"finish_reason": null')
    return lines.count(b'"finish_reason"') != usual and _FINISH.search(lines) is not None


@lru_cache(maxsize=64)
def _plain_timeout(seconds: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_S, sock_read=seconds or READ_S)


@lru_cache(maxsize=64)
def _stream_timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=seconds)


def _backoff_s(attempt: int) -> float:
    return float(min(_FIRST_BACKOFF_S * 2**attempt, RETRY_AFTER_CAP_S))
