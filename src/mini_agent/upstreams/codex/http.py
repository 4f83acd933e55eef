"""The HTTP side of codex agents: one client, asynchronous and synchronous, for the gateway and for LiteLLM (7.5)."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from mini_agent.core.chat import DONE
from mini_agent.core.errors import BackendUnavailable, GatewayError, InvalidProviderResponse, ProviderTimeout
from mini_agent.core.text import load_json
from mini_agent.net.retry import RETRIED_STATUSES, RETRY_AFTER_CAP_S, retry_after_seconds
from mini_agent.net.sse import SseReader
from mini_agent.upstreams.errors import error_of_event, error_of_status, quote

if TYPE_CHECKING:
    import httpx

__all__ = ["CodexCall", "CodexHttp", "RetryPolicy", "codex_url", "strip_prefix"]

DEFAULT_TIMEOUT_S = 30.0
#: Bytes of a whole answer that are read at most, and of an error's text.
MAX_ANSWER_BYTES = 2**25
_ERROR_BYTES = 65536
_PREFIXES = ("codex-agent/", "codex_cli_agent/", "codex/")


def codex_url(base: str) -> str:
    """Returns: the chat address under a base with or without trailing `/v1`."""
    return base.rstrip("/").removesuffix("/v1").rstrip("/") + "/v1/chat/completions"


def strip_prefix(model: str) -> str:
    """Returns: the model's name without a codex prefix."""
    for prefix in _PREFIXES:
        if model.startswith(prefix):
            return model.removeprefix(prefix)
    return model


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential back-off with jitter. base_ms, max_ms: milliseconds. seed: makes the jitter repeatable."""

    max_retries: int = 2
    base_ms: float = 120.0
    max_ms: float = 1500.0
    seed: int | None = None

    def waits_s(self) -> Iterator[float]:
        """Returns: the seconds before each retry of one call, as many as there are retries."""
        dice = random.Random(self.seed)
        for attempt in range(self.max_retries):
            yield min(self.max_ms, self.base_ms * 2**attempt) * dice.uniform(0.5, 1.0) / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CodexCall:
    """One call. base: address of the agent. body: parameters with model and messages, without `stream`."""

    base: str
    body: Mapping[str, Any]
    api_key: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = DEFAULT_TIMEOUT_S

    def wire_headers(self) -> dict[str, str]:
        """Returns: the request headers; the key is added only if no `Authorization` is present."""
        headers = {"content-type": "application/json", "accept-encoding": "identity", **self.headers}
        if self.api_key and not any(name.lower() == "authorization" for name in headers):
            headers["authorization"] = f"Bearer {self.api_key}"
        return headers

    def wire_body(self, *, stream: bool) -> bytes:
        """Returns: the JSON body."""
        body = {**self.body, "model": strip_prefix(str(self.body["model"]))}
        return msgspec.json.encode({**body, "stream": True} if stream else body)


class CodexHttp:
    """Calls codex agents over httpx.

    transport, async_transport: replacements of the network for the two kinds of calls. wait, async_wait: sleep, given
    seconds. now: seconds since the epoch.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        *,
        transport: httpx.BaseTransport | None = None,
        async_transport: httpx.AsyncBaseTransport | None = None,
        wait: Callable[[float], None] = time.sleep,
        async_wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._policy = policy
        self._transport = transport
        self._async_transport = async_transport
        self._wait = wait
        self._async_wait = async_wait
        self._now = now

    def complete(self, call: CodexCall) -> dict[str, Any]:
        """Ask once. Returns: the completion, null content as `""`. Raises: GatewayError."""
        with self._opened(call, stream=False) as response, _translated():
            body = _Bounded(MAX_ANSWER_BYTES)
            for part in response.iter_bytes():
                body.take(part)
            return _completion(body.whole())

    async def acomplete(self, call: CodexCall) -> dict[str, Any]:
        """As `complete`, on the running loop."""
        async with self._aopened(call, stream=False) as response:
            body = _Bounded(MAX_ANSWER_BYTES)
            with _translated():
                async for part in response.aiter_bytes():
                    body.take(part)
            return _completion(body.whole())

    def stream(self, call: CodexCall) -> Generator[dict[str, Any], None, None]:
        """Ask for a stream. Returns: its chunks. Raises: GatewayError."""
        with self._opened(call, stream=True) as response:
            events = _Events()
            with _translated():
                for data in response.iter_bytes():
                    yield from events.feed(data)
                    if events.done:
                        return
                yield from events.finish()

    async def astream(self, call: CodexCall) -> AsyncGenerator[dict[str, Any], None]:
        """As `stream`, on the running loop."""
        async with self._aopened(call, stream=True) as response:
            events = _Events()
            with _translated():
                async for data in response.aiter_bytes():
                    for chunk in events.feed(data):
                        yield chunk
                    if events.done:
                        return
                for chunk in events.finish():
                    yield chunk

    @contextmanager
    def _opened(self, call: CodexCall, *, stream: bool) -> Iterator[httpx.Response]:
        import httpx

        retries = _Retries(self._policy, self._now)
        with httpx.Client(**self._options(call, self._transport)) as client:
            while True:
                try:
                    response = client.send(_request(client, call, stream), stream=True)
                    if response.is_success:
                        _require_plain(response)
                        break
                    body = b"" if _is_encoded(response) else _start_of(response.iter_bytes())
                    wait_s = retries.after_refusal(response, body)
                except httpx.HTTPError as error:
                    wait_s = retries.after_failure(error)
                self._wait(wait_s)
            try:
                yield response
            finally:
                response.close()

    @asynccontextmanager
    async def _aopened(self, call: CodexCall, *, stream: bool) -> AsyncGenerator[httpx.Response, None]:
        import httpx

        retries = _Retries(self._policy, self._now)
        async with httpx.AsyncClient(**self._options(call, self._async_transport)) as client:
            while True:
                try:
                    response = await client.send(_request(client, call, stream), stream=True)
                    if response.is_success:
                        _require_plain(response)
                        break
                    body = b"" if _is_encoded(response) else await _astart_of(response.aiter_bytes())
                    wait_s = retries.after_refusal(response, body)
                except httpx.HTTPError as error:
                    wait_s = retries.after_failure(error)
                await self._async_wait(wait_s)
            try:
                yield response
            finally:
                await response.aclose()

    def _options(self, call: CodexCall, transport: Any) -> dict[str, Any]:
        options: dict[str, Any] = {"timeout": call.timeout_s, "follow_redirects": False, "trust_env": False}
        if transport is not None:
            options["transport"] = transport
        if not call.base.lower().startswith("https:"):
            options["verify"] = False  # Loading certificates takes 30 ms, and plain HTTP uses none.
        return options


class _Retries:
    """Decides what follows a failed attempt, for both kinds of calls. now: seconds since the epoch."""

    def __init__(self, policy: RetryPolicy, now: Callable[[], float]) -> None:
        self._waits = policy.waits_s()
        self._now = now

    def after_failure(self, error: httpx.HTTPError) -> float:
        """Returns: seconds until the next attempt, which only a failed connect has. Raises: GatewayError."""
        import httpx

        wait_s = next(self._waits, None) if isinstance(error, httpx.ConnectError) else None
        if wait_s is None:
            raise _of_transport(error) from error
        return wait_s

    def after_refusal(self, response: httpx.Response, body: bytes) -> float:
        """Returns: seconds until the next attempt, after a 408, 429 or 5xx. Raises: GatewayError."""
        may_retry = response.status_code in RETRIED_STATUSES or response.status_code >= 500
        wait_s = next(self._waits, None) if may_retry else None
        if wait_s is None:
            raise error_of_status(response.status_code, response.headers, body, now=self._now())
        asked_s = retry_after_seconds(response.headers.get("retry-after"), self._now())
        return wait_s if asked_s is None else max(wait_s, min(asked_s, RETRY_AFTER_CAP_S))


class _Bounded:
    """A body that is collected up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def take(self, part: bytes) -> None:
        """Add a part. Raises: InvalidProviderResponse above the limit."""
        self._size += len(part)
        if self._size > self._limit:
            raise InvalidProviderResponse(f"the codex agent's answer is larger than {self._limit} bytes")
        self._parts.append(part)

    def whole(self) -> bytes:
        """Returns: all parts."""
        return b"".join(self._parts)


def _start_of(parts: Iterator[bytes]) -> bytes:
    start = b""
    while len(start) < _ERROR_BYTES and (part := next(parts, b"")):
        start += part
    return start[:_ERROR_BYTES]


async def _astart_of(parts: AsyncIterator[bytes]) -> bytes:
    start = b""
    while len(start) < _ERROR_BYTES and (part := await anext(parts, b"")):
        start += part
    return start[:_ERROR_BYTES]


def _is_encoded(response: httpx.Response) -> bool:
    return str(response.headers.get("content-encoding", "identity")).lower() != "identity"


def _require_plain(response: httpx.Response) -> None:
    """Raises: InvalidProviderResponse for an encoded answer, for which nobody had asked."""
    if _is_encoded(response):
        raise InvalidProviderResponse("the codex agent sent an encoded answer")


def _request(client: httpx.Client | httpx.AsyncClient, call: CodexCall, stream: bool) -> httpx.Request:
    content, headers = call.wire_body(stream=stream), call.wire_headers()
    return client.build_request("POST", codex_url(call.base), content=content, headers=headers)


def _of_transport(error: httpx.HTTPError) -> GatewayError:
    import httpx

    if isinstance(error, httpx.TimeoutException):
        return ProviderTimeout("the codex agent did not answer in time")
    if isinstance(error, httpx.ConnectError):
        return BackendUnavailable("the codex agent cannot be reached")
    return BackendUnavailable("the connection to the codex agent failed")


@contextmanager
def _translated() -> Iterator[None]:
    import httpx

    try:
        yield
    except httpx.HTTPError as error:
        raise _of_transport(error) from error


def _completion(raw: bytes) -> dict[str, Any]:
    try:
        answer = load_json(raw.decode("utf-8", "replace"))
    except ValueError as error:
        raise InvalidProviderResponse("the codex agent's answer is not JSON") from error
    if not isinstance(answer, dict) or not isinstance(answer.get("choices"), list):
        raise InvalidProviderResponse("the codex agent's answer is not a completion object")
    for choice in answer["choices"]:
        message = choice.get("message") if isinstance(choice, dict) else None
        if isinstance(message, dict) and message.get("content") is None:
            message["content"] = ""
    return answer


class _Events:
    """Chunks of one stream, checked."""

    def __init__(self) -> None:
        self._reader = SseReader()
        self._finished = False
        self.done = False

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Returns: the chunks that these bytes complete."""
        return self._chunks(self._reader.feed(data))

    def finish(self) -> Iterator[dict[str, Any]]:
        """The body ended. Raises: InvalidProviderResponse unless the answer was finished."""
        yield from self._chunks(self._reader.finish())
        if not self.done and not self._finished:
            raise InvalidProviderResponse("the codex agent's stream ended before the answer was finished")

    def _chunks(self, payloads: list[bytes]) -> Iterator[dict[str, Any]]:
        for payload in payloads:
            if payload == DONE:
                self.done = True
                return
            try:
                chunk = load_json(payload.decode("utf-8", "replace"))
            except ValueError as error:
                raise InvalidProviderResponse("the codex agent sent an event that is not JSON") from error
            if not isinstance(chunk, dict):
                raise InvalidProviderResponse("the codex agent sent an event that is no object")
            if chunk.get("error"):
                raise quote(error_of_event(chunk["error"]))
            choices = chunk.get("choices")
            found = choices if isinstance(choices, list) else []
            ends = [choice.get("finish_reason") for choice in found if isinstance(choice, dict)]
            self._finished = self._finished or any(ends)
            yield chunk
