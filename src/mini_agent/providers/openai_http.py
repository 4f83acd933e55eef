"""The fast path: OpenAI-compatible providers over one pooled HTTP client (GATEWAY.md 7.2).

Answers are checked and passed on as the bytes that arrived; they are never decoded and encoded again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from functools import lru_cache

import aiohttp
import msgspec
from yarl import URL

from mini_agent.errors import BackendUnavailable, GatewayError, InvalidProviderResponse, ProviderNotConfigured
from mini_agent.memory.headers import provider_headers
from mini_agent.model.chat import DONE, ProviderRequest
from mini_agent.ports import Clock
from mini_agent.providers.protocol import Batch
from mini_agent.providers.sessions import Sessions, session_host
from mini_agent.providers.sse import SseReader
from mini_agent.providers.upstream_errors import (
    error_of_event,
    error_of_status,
    error_of_transport,
    retry_after_seconds,
)

__all__ = ["OpenAIHttpClient"]

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


class OpenAIHttpClient:
    """Posts to `{api_base}/chat/completions`.

    sessions: hands out the HTTP client of a user at the provider's host.
    """

    name = "openai_http"

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._completion = msgspec.json.Decoder(_Completion)
        self._event = msgspec.json.Decoder(_Event)
        self._encode = msgspec.json.Encoder().encode

    async def complete(self, request: ProviderRequest) -> bytes:
        """Ask once. Returns: the provider's bytes. Raises: GatewayError."""
        response = await self._open(request, _plain_timeout(request.target.timeout_s))
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

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Ask for a stream. Returns: the provider's events as they arrive. Raises: GatewayError."""
        seconds = request.target.stream_timeout_s or request.target.timeout_s or READ_S
        response = await self._open(request, _stream_timeout(seconds))
        try:
            reader = SseReader()
            finished = False
            content = response.content
            while True:
                try:
                    data = await content.readany()
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
                if not data:
                    break
            if not finished:
                raise InvalidProviderResponse("the provider's stream ended before the answer was finished")
        finally:
            # Back to the pool if the answer was read to its end; otherwise this closes the connection, which is how
            # the provider learns that nobody listens any more.
            response.release()

    async def aclose(self) -> None:
        """Nothing to free: the sessions belong to the app."""

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
                return False, error_of_event(error)
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

    async def _open(self, request: ProviderRequest, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        """Send, with the retries of 7.2. Returns: a 2xx answer whose body is unread."""
        target = request.target
        if not target.api_base:
            raise ProviderNotConfigured(f"Model '{target.model}' has no api_base")
        url = _endpoint(target.api_base)
        # Wrapped here, or aiohttp looks through its table of body types for every request.
        body = self._encode({"model": target.name, **request.body})
        headers = self._headers(request)
        for attempt in range(target.max_retries + 1):
            last = attempt == target.max_retries
            try:
                session = await self._sessions.get_session(request.caller.user_id, session_host(target.api_base))
                response = await session.post(
                    url, data=aiohttp.BytesPayload(body), headers=headers, timeout=timeout, allow_redirects=False
                )
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                if last:
                    raise error_of_transport(error) from error
                await self._clock.sleep(_backoff_s(attempt))
                continue
            except (*_TRANSPORT_ERRORS, ValueError) as error:
                raise error_of_transport(error) from error
            if 200 <= response.status < 300:
                return response
            failure, wait_s = await self._refusal(response, target.model)
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
        return error_of_status(response.status, response.headers, body, now=now, model=model), wait_s

    def _headers(self, request: ProviderRequest) -> dict[str, str]:
        headers = {"content-type": "application/json"}
        if request.target.api_key:
            headers["authorization"] = f"Bearer {request.target.api_key}"
        return headers | provider_headers(request)


def _mentions_finish(payloads: list[bytes]) -> bool:
    """Returns: whether one of the events has a finish reason."""
    lines = b"\n".join(payloads)
    # The two usual spellings are found at the speed of memory; any other costs a search with a pattern.
    if b'"finish_reason":"' in lines or b'"finish_reason": "' in lines:
        return True
    usual = lines.count(b'"finish_reason":null') + lines.count(b'"finish_reason": null')
    return lines.count(b'"finish_reason"') != usual and _FINISH.search(lines) is not None


@lru_cache(maxsize=256)
def _endpoint(api_base: str) -> URL:
    return URL(f"{api_base}/chat/completions")


@lru_cache(maxsize=64)
def _plain_timeout(seconds: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_S, sock_read=seconds or READ_S)


@lru_cache(maxsize=64)
def _stream_timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=seconds)


def _backoff_s(attempt: int) -> float:
    return float(min(_FIRST_BACKOFF_S * 2**attempt, RETRY_AFTER_CAP_S))
