"""Tools behind the HTTP tool protocol (GATEWAY.md 6.4)."""

from __future__ import annotations

import asyncio
import email.utils
import json
import math
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import aiohttp

from mini_agent.agent.tool_values import ToolListingFailed, spec_name
from mini_agent.core.errors import InvalidParameter, ToolHostNotAllowed
from mini_agent.core.text import load_json
from mini_agent.tools.http_headers import merge_headers
from mini_agent.tools.protocol import capped, dump, failed, read_call, succeeded

__all__ = ["HttpInvoker", "retry_wait"]

CONNECT_TIMEOUT_S = 5.0

#: Characters of an error body that are quoted.
_ERROR_BODY = 256

#: Bytes of a reply that are read at most; a longer one is an error, not half a JSON document.
MAX_REPLY_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: str
    retry_after: str | None

    @property
    def failure(self) -> str | None:
        """Returns: the error text of a status that is no success, redirects included."""
        return None if 200 <= self.status < 300 else f"HTTP {self.status}: {self.body[:_ERROR_BODY]}"


class _ReplyTooLarge(Exception):
    """The tool host sent more than is read."""


class HttpInvoker:
    """Lists and calls the tools of one HTTP host, with one client for the run.

    base_url: http(s), without user info, query or fragment. headers: of the request, sent as spelled.
    default_headers: of the environment, lower-case names. allow_hosts: permitted `host` or `host:port` entries, empty
    permits any. timeout_s: seconds per listing or call, a retry included. retry_after_cap_s: longest wait after a 429,
    in seconds. max_output_bytes: kept of a reply's text. session_factory: makes the HTTP client, for tests and for
    shared connectors. sleep, wall_clock: wait, and Unix time in seconds.

    Raises: InvalidParameter for a base or header that cannot be used, ToolHostNotAllowed for a foreign host; both
    before any network use.
    """

    def __init__(
        self,
        *,
        base_url: str,
        headers: Mapping[str, object] | None = None,
        default_headers: Mapping[str, str] | None = None,
        allow_hosts: Collection[str] = (),
        timeout_s: float = 10,
        retry_after_cap_s: float = 1.0,
        max_output_bytes: int = 65536,
        session_factory: Callable[[], aiohttp.ClientSession] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._base = _checked_base(base_url, allow_hosts)
        self._headers = merge_headers(default_headers or {}, headers)
        self._timeout_s = timeout_s
        self._cap_s = retry_after_cap_s
        self._max_output_bytes = max_output_bytes
        self._session_factory = session_factory or _new_session
        self._sleep = sleep
        self._wall_clock = wall_clock
        self._session: aiohttp.ClientSession | None = None
        self._listed: dict[str, str] = {}

    async def list_tools(self) -> list[dict[str, Any]]:
        """Ask the host once for its tools.

        Returns: its specs; a bare function object is wrapped, what has no name is left out, and a body that is no
        JSON list means none. Raises: ToolListingFailed for an error status or a host that cannot be reached.
        """
        try:
            reply = await self._bounded(self._exchange("GET", "/tools", None))
        except _FAILURES as error:
            raise ToolListingFailed(self._failure_text(error), log_text=type(error).__name__) from error
        if reply.failure is not None:
            raise ToolListingFailed(reply.failure, log_text=f"HTTP {reply.status}")
        specs = _specs(reply.body)
        self._listed = {name.lower(): name for name in map(spec_name, specs) if name}
        return specs

    async def call(self, tool_call: dict[str, Any]) -> str:
        """Post one call, and once more after a 429.

        Returns: its record as JSON text.
        """
        name, arguments = read_call(tool_call)
        # Names are case-insensitive for the model, the host knows only its own spelling.
        body = json.dumps({"name": self._listed.get(name.lower(), name), "arguments": arguments}).encode()
        started = time.monotonic()
        try:
            reply = await self._bounded(self._invoke(body))
        except _FAILURES as error:
            record = failed(name, self._failure_text(error))
        else:
            record = _record(name, reply, self._max_output_bytes)
        return dump(record | {"t_ms": round((time.monotonic() - started) * 1000, 3)})

    async def aclose(self) -> None:
        """Close the client of the run. Idempotent."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _bounded(self, exchange: Awaitable[_Reply]) -> _Reply:
        async with asyncio.timeout(self._timeout_s):
            return await exchange

    async def _invoke(self, body: bytes) -> _Reply:
        reply = await self._exchange("POST", "/invoke", body)
        if reply.status != 429:
            return reply
        wait = retry_wait(reply.retry_after, self._cap_s, self._wall_clock())
        if wait > 0:
            await self._sleep(wait)
        return await self._exchange("POST", "/invoke", body)

    async def _exchange(self, method: str, path: str, body: bytes | None) -> _Reply:
        headers = dict(self._headers)
        if body is not None and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
        if self._session is None:
            self._session = self._session_factory()
        async with self._session.request(
            method, self._base + path, data=body, headers=headers, allow_redirects=False
        ) as response:
            data = await _read(response)
            text = data.decode(response.get_encoding() if response.charset else "utf-8", "replace")
            return _Reply(response.status, text, response.headers.get("Retry-After"))

    def _failure_text(self, error: BaseException) -> str:
        if isinstance(error, _ReplyTooLarge):
            return f"reply larger than {MAX_REPLY_BYTES} bytes"
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return f"tool host unreachable: no connection after {CONNECT_TIMEOUT_S:g}s"
        if isinstance(error, TimeoutError):
            return f"timeout after {self._timeout_s:g}s"
        if isinstance(error, aiohttp.ClientConnectorError):
            return f"tool host unreachable: {error.strerror or type(error).__name__}"
        return f"tool host failed: {type(error).__name__}"


_FAILURES = (aiohttp.ClientError, TimeoutError, OSError, LookupError, _ReplyTooLarge)


def _new_session() -> aiohttp.ClientSession:
    # Cookies of a tool host are nobody's business in the next call, and the run's concurrency is its own limit.
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S),
    )


def _checked_base(base_url: str, allow_hosts: Collection[str]) -> str:
    try:
        parts = urlsplit(base_url.strip())
        port = parts.port
    except ValueError as error:
        raise _bad_base("is no URL") from error
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise _bad_base("must be an http or https URL")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise _bad_base("must not hold user info, a query or a fragment")
    if allow_hosts and not _allowed(parts, port, allow_hosts):
        raise ToolHostNotAllowed(f"tool host '{parts.hostname}' is not allowed", param="tool_http_base_url")
    return base_url.strip().rstrip("/")


def _bad_base(reason: str) -> InvalidParameter:
    return InvalidParameter(f"tool_http_base_url {reason}", param="tool_http_base_url")


def _allowed(parts: SplitResult, port: int | None, allow_hosts: Collection[str]) -> bool:
    host = (parts.hostname or "").lower()
    port = port or (443 if parts.scheme.lower() == "https" else 80)
    spelled = f"[{host}]" if ":" in host else host
    return not {host, spelled, f"{spelled}:{port}"}.isdisjoint(entry.strip().lower() for entry in allow_hosts)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > MAX_REPLY_BYTES:
            raise _ReplyTooLarge
    return bytes(data)


def retry_wait(value: str | None, cap_s: float, now: float) -> float:
    """Read a `Retry-After` header.

    value: seconds or an HTTP date. cap_s: longest wait in seconds. now: Unix time in seconds.

    Returns: seconds to wait, between 0 and `cap_s`; 0 when the value is absent or unparsable.
    """
    text = (value or "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - now
        except (ValueError, OverflowError):
            return 0.0
    return 0.0 if math.isnan(seconds) else max(0.0, min(seconds, cap_s))


def _specs(body: str) -> list[dict[str, Any]]:
    try:
        listed = load_json(body)
    except ValueError:
        return []
    if not isinstance(listed, list):
        return []
    wrapped = [
        {"type": "function", "function": spec} if isinstance(spec, dict) and "function" not in spec else spec
        for spec in listed
    ]
    return [spec for spec in wrapped if spec_name(spec) is not None]


def _record(name: str, reply: _Reply, max_bytes: int) -> dict[str, Any]:
    if reply.failure is not None:
        return failed(name, reply.failure)
    try:
        value = load_json(reply.body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        return _text_record(name, reply.body, max_bytes)
    error = value.get("error")
    if value.get("ok") is False or error:
        text = error if isinstance(error, str) else json.dumps(error, ensure_ascii=False)
        streams = {key: value[key] for key in ("rc", "stdout", "stderr") if key in value}
        return failed(name, text if error else "the tool reported a failure", **streams)
    texts = (value[key] for key in ("text", "result", "answer") if isinstance(value.get(key), str))
    said = next(texts, None)
    return _text_record(name, json.dumps(value, ensure_ascii=False) if said is None else said, max_bytes)


def _text_record(name: str, text: str, max_bytes: int) -> dict[str, Any]:
    kept, truncated = capped(text, max_bytes)
    return succeeded(name, result=kept, truncated=truncated)
