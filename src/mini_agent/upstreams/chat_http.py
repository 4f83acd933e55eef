"""Chat completions over HTTP, plain and streamed: what all clients of OpenAI's protocol share (GATEWAY.md 7.2 and 9).

Answers are checked and passed on as the bytes that arrived; they are never decoded and encoded again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import Any, Protocol

import aiohttp
import msgspec
from multidict import CIMultiDictProxy
from yarl import URL

from mini_agent.core.chat import DONE
from mini_agent.core.errors import GatewayError, InvalidProviderResponse
from mini_agent.core.ports import Clock
from mini_agent.core.text import load_json, valid_utf8
from mini_agent.net.bounded import AnswerTooLarge, read_bounded, read_start
from mini_agent.net.connections import Connections
from mini_agent.net.retry import RETRIED_STATUSES, Backoff
from mini_agent.net.sse import SseReader
from mini_agent.upstreams.errors import (
    error_of_event,
    error_of_status,
    error_of_transport,
    retry_after_seconds,
)
from mini_agent.upstreams.protocol import Batch

__all__ = ["OPENAI", "ChatCall", "ChatHttp", "Dialect", "asked_choices"]

CONNECT_S = 30.0
READ_S = 600.0
#: How long the end of the HTTP body may lag behind `[DONE]` before the connection is given up instead of reused.
_DRAIN_S = 0.05
#: A provider's error text beyond this is not read, nor waited for longer than this.
_ERROR_BYTES = 65536
_ERROR_S = 5.0

_TRANSPORT_ERRORS = (aiohttp.ClientError, TimeoutError, OSError)
_FINISH = re.compile(rb'"finish_reason"\s*:\s*"[^"]')


class _Completion(msgspec.Struct):
    choices: list[msgspec.Raw]


class _Event(msgspec.Struct):
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class _Again:
    """A refusal that is worth another attempt. wait_s: what the provider asked for in seconds, None for nothing."""

    wait_s: float | None


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
    choices: how many answers were asked for: a stream that ends without `[DONE]` is whole when all have an end.
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
    choices: int = 1
    on_answer: Callable[[CIMultiDictProxy[str]], None] | None = None


class ChatHttp:
    """Posts chat requests. connections: of the app. dialect: of the servers that are called. backoff: of retries."""

    def __init__(
        self,
        connections: Connections,
        clock: Clock,
        dialect: Dialect = OPENAI,
        backoff: Backoff = Backoff(),  # noqa: B008 - it is frozen
    ) -> None:
        self._connections = connections
        self._clock = clock
        self._dialect = dialect
        self._backoff = backoff
        self._completion = msgspec.json.Decoder(_Completion)
        self._event = msgspec.json.Decoder(_Event)

    async def complete(self, call: ChatCall) -> bytes:
        """Ask once. Returns: the provider's bytes. Raises: GatewayError."""
        async with self._opened(call, _plain_timeout(call.timeout_s)) as response:
            try:
                raw = valid_utf8(await read_bounded(response, self._connections.answer_bytes))
            except AnswerTooLarge as error:
                raise InvalidProviderResponse(f"the provider's answer is larger than {error.limit} bytes") from error
            except _TRANSPORT_ERRORS as error:
                raise error_of_transport(error) from error
        try:
            self._completion.decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            return _repaired(raw, error)
        return raw

    async def stream(self, call: ChatCall) -> AsyncGenerator[Batch, None]:
        """Ask for a stream. Returns: the provider's events as they arrive. Raises: GatewayError."""
        seconds = call.stream_timeout_s or call.timeout_s or READ_S
        async with self._opened(call, _stream_timeout(seconds)) as response:
            reader = SseReader()
            data, ends = b"-", 0
            while data:
                try:
                    data = await response.content.readany()
                except _TRANSPORT_ERRORS as error:
                    raise error_of_transport(error) from error
                payloads = reader.feed(data) if data else reader.finish()
                done, failure = self._check(payloads)
                if payloads:
                    ends += _count_ends(payloads)
                    yield payloads
                if failure is not None:
                    raise failure
                if done:
                    await self._drain(response)
                    return
            if ends < call.choices:
                raise InvalidProviderResponse("the provider's stream ended before the answer was finished")

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
        if b'"error"' in lines or lines.count(b"\n") != max(0, len(payloads) - 1) or valid_utf8(lines) is not lines:
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
                sound = self._sound(payload)
                event = self._event.decode(sound)
            except (msgspec.DecodeError, RecursionError, ValueError):
                del payloads[index:]
                return False, InvalidProviderResponse("the provider sent an event that is not a JSON object")
            if event.error is not msgspec.UNSET and (error := load_json(bytes(event.error).decode())):
                del payloads[index:]
                return False, self._dialect.of_event(error)
            payloads[index] = sound.replace(b"\n", b" ")
        return False, None

    def _sound(self, payload: bytes) -> bytes:
        """Returns: the event as every reader takes it. Raises: ValueError for what is no JSON."""
        text = valid_utf8(payload)
        try:
            self._event.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return msgspec.json.encode(load_json(text.decode()))
        return text

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

    @asynccontextmanager
    async def _opened(
        self, call: ChatCall, timeout: aiohttp.ClientTimeout
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """Send, with the retries of 7.2. Returns: a 2xx answer whose body is unread. Raises: GatewayError."""
        for attempt in count():
            async with self._connections.slot(call.url):
                found = await self._attempt(call, timeout, last=attempt >= call.max_retries)
                if isinstance(found, aiohttp.ClientResponse):
                    try:
                        yield found
                    finally:
                        # Back to the pool if the answer was read to its end; otherwise this closes the connection,
                        # which is how the provider learns that nobody listens any more.
                        found.release()
                    return
            # Outside of the slot: who waits takes no place from those who could go on.
            await self._clock.sleep(self._backoff.wait_s(attempt, found.wait_s))

    async def _attempt(
        self, call: ChatCall, timeout: aiohttp.ClientTimeout, *, last: bool
    ) -> aiohttp.ClientResponse | _Again:
        """Send once. Returns: a 2xx answer, or that it may be tried again. Raises: GatewayError."""
        try:
            session = await self._connections.session(call.user_id, call.url)
            body = self._connections.body(call.body)
            response = await session.post(
                call.url, data=body, headers=call.headers, timeout=timeout, allow_redirects=False
            )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            if last or isinstance(error, aiohttp.ClientSSLError):
                raise error_of_transport(error) from error
            return _Again(None)
        except (*_TRANSPORT_ERRORS, ValueError) as error:
            raise error_of_transport(error) from error
        if 200 <= response.status < 300:
            if call.on_answer is not None:
                call.on_answer(response.headers)
            return response
        if response.status in RETRIED_STATUSES and not last:
            response.release()
            # The second name is LiteLLM's, for what a provider behind it has asked for.
            asked = response.headers.get("retry-after") or response.headers.get("llm_provider-retry-after")
            return _Again(retry_after_seconds(asked, self._clock.time()))
        raise await self._refusal(response, call.model)

    async def _refusal(self, response: aiohttp.ClientResponse, model: str) -> GatewayError:
        try:
            async with asyncio.timeout(_ERROR_S):
                body = await read_start(response, _ERROR_BYTES)
        except _TRANSPORT_ERRORS:
            body = b""  # The status already says what happened; the text only explains it.
        finally:
            response.release()
        now = self._clock.time()
        return self._dialect.of_status(response.status, response.headers, body, now=now, model=model)


def _repaired(raw: bytes, refused: Exception) -> bytes:
    """Write an answer anew whose text a strict reader does not take: half of a surrogate pair, from a cut emoji.

    refused: what the strict reader said. Returns: the completion. Raises: InvalidProviderResponse for anything else.
    """
    try:
        value = load_json(raw.decode())
    except ValueError:
        value = None
    if not isinstance(value, dict) or not isinstance(value.get("choices"), list):
        raise InvalidProviderResponse("the provider's answer is not a completion object") from refused
    return msgspec.json.encode(value)


def asked_choices(body: Mapping[str, Any]) -> int:
    """Returns: how many answers a request asks for."""
    n = body.get("n")
    return n if isinstance(n, int) and n > 0 else 1


def _count_ends(payloads: list[bytes]) -> int:
    """Returns: how many of the choices in these events have a finish reason. An empty one is none."""
    lines = b"\n".join(payloads)
    found = lines.count(b'"finish_reason"')
    usual = lines.count(b'"finish_reason":null') + lines.count(b'"finish_reason": null')
    # Nearly all events say null, in one of two spellings; only the others cost a search with a pattern.
    return 0 if usual == found else len(_FINISH.findall(lines))


@lru_cache(maxsize=64)
def _plain_timeout(seconds: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_S, sock_read=seconds or READ_S)


@lru_cache(maxsize=64)
def _stream_timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=seconds)
