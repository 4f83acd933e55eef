"""Tools behind the HTTP tool protocol (GATEWAY 6.4)."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from mini_agent.agent.tool_values import ToolListingFailed, spec_name
from mini_agent.core.errors import InvalidParameter, ToolHostNotAllowed
from mini_agent.core.ports import SYSTEM_CLOCK, Clock
from mini_agent.core.text import json_or
from mini_agent.net.bounded import AnswerTooLarge, read_bounded
from mini_agent.net.connector import open_session
from mini_agent.net.egress import CheckedHost, Egress, pinned_connector
from mini_agent.net.failures import TRANSPORT_ERRORS
from mini_agent.net.retry import retry_after_seconds
from mini_agent.tools.http_headers import merge_headers
from mini_agent.tools.protocol import capped, dump, failed, ms_since, read_call, succeeded

CONNECT_TIMEOUT_S = 5.0

#: Characters of an error body that are quoted.
_ERROR_BODY = 256

#: Bytes of a reply that are read at most, decoded; a longer one is an error, not half a JSON document.
MAX_REPLY_BYTES = 8 * 1024 * 1024

#: Encodings that a host may name. Python knows others, and some of them take forever or raise what nobody expects.
_CHARSETS = frozenset({"utf-8", "us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252", "utf-16"})


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: str
    retry_after: str | None

    @property
    def failure(self) -> str | None:
        """Returns: the error text of a status that is no success, redirects included."""
        return None if 200 <= self.status < 300 else f"HTTP {self.status}: {self.body[:_ERROR_BODY]}"


class HttpInvoker:
    """Lists and calls the tools of one HTTP host, with one client for the run.

    base_url: http(s), without user info, query or fragment. headers: of the request, sent as spelled.
    default_headers: of the environment, lower-case names; they go to hosts that may have the operator's secrets.
    egress: which hosts may be connected to, by default those of a gateway on loopback without a list.
    on_withheld: called when the default headers stay here. timeout_s: seconds per listing or call, a retry included.
    retry_after_cap_s: longest wait after a 429, in seconds. max_output_bytes: kept of a reply's text. session_factory:
    makes the HTTP client for the host that was checked.

    Raises: InvalidParameter for a base or header that cannot be used, ToolHostNotAllowed for a host that is not on the
    operator's list; both before any network use.
    """

    def __init__(
        self,
        *,
        base_url: str,
        headers: Mapping[str, object] | None = None,
        default_headers: Mapping[str, str] | None = None,
        egress: Egress | None = None,
        on_withheld: Callable[[], None] = lambda: None,
        timeout_s: float = 10,
        retry_after_cap_s: float = 1.0,
        max_output_bytes: int = 65536,
        session_factory: Callable[[CheckedHost], aiohttp.ClientSession] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._egress = egress or Egress()
        self._base = _checked_base(base_url, self._egress)
        self._on_withheld = on_withheld
        self._own_headers = merge_headers({}, headers)
        self._all_headers = merge_headers(default_headers or {}, headers)
        self._timeout_s = timeout_s
        self._cap_s = retry_after_cap_s
        self._max_output_bytes = max_output_bytes
        self._session_factory = session_factory or _new_session
        self._clock = clock
        self._opening = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self._headers: dict[str, str] = {}
        self._listed: dict[str, str] = {}

    async def list_tools(self) -> list[dict[str, Any]]:
        """Ask the host once for its tools.

        Returns: its specs; a bare function object is wrapped, what has no name is left out, and a body that is no
        JSON list means none. Raises: ToolListingFailed for an error status or a host that cannot be reached,
        ToolHostNotAllowed for one that must not be connected to.
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
        started = self._clock.monotonic()
        try:
            reply = await self._bounded(self._invoke(body))
        except ToolHostNotAllowed as refusal:
            record = failed(name, refusal.message)
        except _FAILURES as error:
            record = failed(name, self._failure_text(error))
        else:
            record = _record(name, reply, self._max_output_bytes)
        return dump(record | {"t_ms": ms_since(self._clock, started)})

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
        asked_s = retry_after_seconds(reply.retry_after, self._clock.time())
        if asked_s:
            await self._clock.sleep(min(asked_s, self._cap_s))
        return await self._exchange("POST", "/invoke", body)

    async def _exchange(self, method: str, path: str, body: bytes | None) -> _Reply:
        session = await self._opened()
        headers = dict(self._headers)
        if body is not None and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
        async with session.request(
            method, self._base + path, data=body, headers=headers, allow_redirects=False
        ) as response:
            data = await read_bounded(response, MAX_REPLY_BYTES)
            charset = (response.charset or "").lower()
            text = data.decode(charset if charset in _CHARSETS else "utf-8", "replace")
            return _Reply(response.status, text, response.headers.get("Retry-After"))

    async def _opened(self) -> aiohttp.ClientSession:
        """Resolve and judge the host once for the run. Returns: the client, which knows the judged addresses only."""
        async with self._opening:
            if self._session is None:
                url = URL(self._base)
                checked = await self._egress.check(url.raw_host or "", url.port or 0)
                trusted = self._egress.may_have_secrets(checked)
                self._headers = self._all_headers if trusted else self._own_headers
                if not trusted and self._all_headers != self._own_headers:
                    self._on_withheld()
                self._session = self._session_factory(checked)
            return self._session

    def _failure_text(self, error: BaseException) -> str:
        if isinstance(error, AnswerTooLarge):
            return f"reply larger than {error.limit} bytes"
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return f"tool host unreachable: no connection after {CONNECT_TIMEOUT_S:g}s"
        if isinstance(error, TimeoutError):
            return f"timeout after {self._timeout_s:g}s"
        if isinstance(error, aiohttp.ClientConnectorError):
            return f"tool host unreachable: {error.strerror or type(error).__name__}"
        if isinstance(error, socket.gaierror):
            return "tool host unreachable: its name cannot be resolved"
        return f"tool host failed: {type(error).__name__}"


_FAILURES = (*TRANSPORT_ERRORS, AnswerTooLarge)


def _new_session(checked: CheckedHost) -> aiohttp.ClientSession:
    # Cookies of a tool host are nobody's business in the next call, and the run's concurrency is its own limit.
    timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S)
    return open_session(pinned_connector(checked), timeout=timeout)


def _checked_base(base_url: str, egress: Egress) -> str:
    text = base_url.strip()
    try:
        # The client's own parser: what is judged and what is connected to cannot be two readings of one text.
        url = URL(text)
        host, port = url.raw_host, url.port
    except ValueError as error:
        raise _bad_base("is no URL") from error
    if url.scheme not in ("http", "https") or not host or not port:
        raise _bad_base("must be an http or https URL")
    if url.raw_user is not None or url.raw_password is not None or url.raw_query_string or url.raw_fragment:
        raise _bad_base("must not hold user info, a query or a fragment")
    if egress.has_list and not egress.lists(host, port):
        raise ToolHostNotAllowed(f"tool host '{host[:200]}' is not allowed", param="tool_http_base_url")
    return text.rstrip("/")


def _bad_base(reason: str) -> InvalidParameter:
    return InvalidParameter(f"tool_http_base_url {reason}", param="tool_http_base_url")


def _specs(body: str) -> list[dict[str, Any]]:
    listed = json_or(body)
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
    value = json_or(reply.body)
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
