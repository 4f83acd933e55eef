"""The HTTP that MCP servers are spoken to with: the SDK's client on our connections, to the checked addresses only.

Imported when a session over HTTP opens: `httpx2`, whose requests and answers the SDK has, comes with the `mcp` package.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import aiohttp
import httpx2
from yarl import URL

from mini_agent.net.connector import open_session
from mini_agent.net.egress import CheckedHost, pinned_connector
from mini_agent.net.failures import TRANSPORT_ERRORS

#: Bytes of an answer that is no stream of events; those have a bound of the SDK for each event.
MAX_ANSWER_BYTES = 8 * 1024 * 1024
_PORTS = {"http": 80, "https": 443}
#: Written anew for the wire: the body is sent whole.
_OF_CONNECTION = frozenset({"connection", "content-length", "transfer-encoding"})


class CheckedTransport(httpx2.AsyncBaseTransport):
    """Connects to one checked host, whatever a redirect says. Belongs to one event loop.

    on_forgotten: called when the server does not know the session that a request named.
    """

    def __init__(self, checked: CheckedHost, on_forgotten: Callable[[], None]) -> None:
        self._checked = checked
        self._on_forgotten = on_forgotten
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Returns: the answer, its body unread. Raises: httpx2.TransportError."""
        self._require_checked(request.url)
        headers = [(name, value) for name, value in request.headers.multi_items() if name not in _OF_CONNECTION]
        body = await request.aread()
        with _translated(request):
            answer = await self._opened().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=[*(pair for pair in headers if pair[0] != "accept-encoding"), ("accept-encoding", "identity")],
                data=body or None,
                timeout=_timeout(request),
                allow_redirects=False,
            )
        if answer.status == 404 and "mcp-session-id" in request.headers:
            self._on_forgotten()
        if answer.headers.get("content-encoding", "identity").lower() != "identity":
            answer.close()
            raise httpx2.RemoteProtocolError("the server sent an encoded answer, for which nobody had asked")
        events = answer.headers.get("content-type", "").lower().startswith("text/event-stream")
        stream = _Body(answer, request, None if events else MAX_ANSWER_BYTES)
        return httpx2.Response(answer.status, headers=list(answer.raw_headers), stream=stream, request=request)

    async def aclose(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # On https a server may be known by http's address, too: the SDK follows such a redirect.
            secure = replace(self._checked, port=_PORTS["https"])
            self._session = open_session(pinned_connector(self._checked, secure), auto_decompress=False)
        return self._session

    def _require_checked(self, url: httpx2.URL) -> None:
        """Raises: httpx2.ConnectError for any other host than the checked one."""
        # The SDK follows redirects within the origin, and from http to https on the usual ports.
        port = url.port or _PORTS[url.scheme]
        host = url.raw_host.decode("ascii")
        if host != self._checked.host.strip("[]") or port not in (self._checked.port, _PORTS["https"]):
            raise httpx2.ConnectError("this host was not checked")


class _Body(httpx2.AsyncByteStream):
    """A body of at most `limit` bytes, None for a stream of events.

    What the SDK reads of a longer one fails as one call, not as the session.
    """

    def __init__(self, answer: aiohttp.ClientResponse, request: httpx2.Request, limit: int | None) -> None:
        self._answer = answer
        self._request = request
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        while part := await self._next():
            size += len(part)
            if self._limit is not None and size > self._limit:
                raise httpx2.StreamError(f"the answer is larger than {self._limit} bytes")
            yield part

    async def aclose(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        self._answer.release()

    async def _next(self) -> bytes:
        with _translated(self._request):
            return await self._answer.content.readany()


def _timeout(request: httpx2.Request) -> aiohttp.ClientTimeout:
    """Returns: the limits that the SDK has put on a request, in seconds."""
    limits = request.extensions.get("timeout") or {}
    return aiohttp.ClientTimeout(
        total=None, connect=limits.get("pool"), sock_connect=limits.get("connect"), sock_read=limits.get("read")
    )


@contextmanager
def _translated(request: httpx2.Request) -> Iterator[None]:
    """Raise what fails below HTTP in the SDK's own terms."""
    try:
        yield
    except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError) as error:
        raise httpx2.ConnectError(str(error), request=request) from error
    except TimeoutError as error:
        raise httpx2.ReadTimeout("the server did not answer in time", request=request) from error
    except (aiohttp.ClientResponseError, aiohttp.ServerDisconnectedError) as error:
        raise httpx2.RemoteProtocolError(str(error), request=request) from error
    except TRANSPORT_ERRORS as error:
        raise httpx2.ReadError(str(error), request=request) from error
