"""The HTTP that MCP servers are spoken to with: to the checked addresses only, and with bounded answers.

Imported when a session over HTTP opens: `httpx2` comes with the optional `mcp` package.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import cast

import httpx2

from mini_agent.net.egress import CheckedHost

__all__ = ["MAX_ANSWER_BYTES", "CheckedTransport"]

#: Bytes of an answer that is no stream of events; those have a bound of the SDK for each event.
MAX_ANSWER_BYTES = 8 * 1024 * 1024
_PORTS = {"http": 80, "https": 443}


class CheckedTransport(httpx2.AsyncBaseTransport):
    """Connects to one checked host, whatever a redirect says.

    on_forgotten: called when the server does not know the session that a request named.
    """

    def __init__(self, checked: CheckedHost, on_forgotten: Callable[[], None]) -> None:
        self._checked = checked
        self._on_forgotten = on_forgotten
        self._inner = httpx2.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Returns: the answer of the first address that can be reached. Raises: httpx2.TransportError."""
        self._require_checked(request.url)
        request.headers["accept-encoding"] = "identity"
        response = await self._send(request)
        if response.status_code == 404 and "mcp-session-id" in request.headers:
            self._on_forgotten()
        if not response.headers.get("content-type", "").lower().startswith("text/event-stream"):
            response.stream = _Bounded(cast(httpx2.AsyncByteStream, response.stream), MAX_ANSWER_BYTES)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise httpx2.RemoteProtocolError("the server sent an encoded answer, for which nobody had asked")
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()

    def _require_checked(self, url: httpx2.URL) -> None:
        """Raises: httpx2.ConnectError for any other host than the checked one."""
        # The SDK follows redirects within the origin, and from http to https on the usual ports.
        port = url.port or _PORTS[url.scheme]
        host = url.raw_host.decode("ascii")
        if host != self._checked.host.strip("[]") or port not in (self._checked.port, _PORTS["https"]):
            raise httpx2.ConnectError("this host was not checked")

    async def _send(self, request: httpx2.Request) -> httpx2.Response:
        for address in self._checked.addresses[:-1]:
            try:
                return await self._inner.handle_async_request(self._pinned(request, address))
            except httpx2.ConnectError:
                continue
        return await self._inner.handle_async_request(self._pinned(request, self._checked.addresses[-1]))

    def _pinned(self, request: httpx2.Request, address: str) -> httpx2.Request:
        """Returns: the request to this address. Its `Host`, and the name that TLS proves, stay the server's."""
        return httpx2.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )


class _Bounded(httpx2.AsyncByteStream):
    """A body of at most `limit` bytes. What the SDK reads of it fails as one call, not as the session."""

    def __init__(self, inner: httpx2.AsyncByteStream, limit: int) -> None:
        self._inner = inner
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._inner:
            size += len(part)
            if size > self._limit:
                raise httpx2.StreamError(f"the answer is larger than {self._limit} bytes")
            yield part

    async def aclose(self) -> None:
        """Close the body."""
        await self._inner.aclose()
