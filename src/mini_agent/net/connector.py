"""The connections and the client under all HTTP of this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import aiohttp
import aiohttp.abc
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

if TYPE_CHECKING:
    from aiohttp.tracing import Trace

__all__ = ["HttpConnectorFactory", "Request", "open_http_connector", "open_session"]

HttpConnectorFactory = Callable[[], aiohttp.BaseConnector]


class Request(aiohttp.ClientRequest):
    """A request that knows its connection. reused: it has one that served others. fresh: it must not be given one."""

    reused = False
    fresh = False


class _Connector(aiohttp.TCPConnector):
    """A pool that tells a request whether its connection served others before."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._served: WeakSet[ResponseHandler] = WeakSet()

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Returns: a connection, of the pool or a new one. Raises: aiohttp's errors, when there is none."""
        connection = await super().connect(req, traces, timeout)
        if not isinstance(req, Request):
            return connection
        # Where one idle connection was closed by its server, the others have waited as long.
        while req.fresh and connection.protocol in self._served:
            connection.close()
            connection = await super().connect(req, traces, timeout)
        if connection.protocol in self._served:
            req.reused = True
        elif connection.protocol is not None:
            self._served.add(connection.protocol)
        return connection


def open_http_connector() -> aiohttp.BaseConnector:
    """Open the pool of connections that all HTTP clients of one app share. Must run on the app's loop.

    It has no bound of its own: `net.connections` bounds it per provider, with a time limit for waiting. It knows no
    cookies: those belong to the client of one user.

    Returns: the pool; the caller closes it.
    """
    # Many servers (uvicorn, Node, llama.cpp) close a connection after 5 idle seconds, and a request that crosses the
    # close is lost: ours give a connection up first. They count from when they wrote, we from when we read, so a busy
    # machine makes requests cross all the same; `net.stale` says what becomes of them.
    return _Connector(limit=0, ttl_dns_cache=30, keepalive_timeout=4)


def open_session(
    connector: aiohttp.BaseConnector, jar: aiohttp.abc.AbstractCookieJar | None = None, **more: Any
) -> aiohttp.ClientSession:
    """Open a client on a pool of connections, which it closes at its end unless `more` says otherwise.

    jar: where cookies are kept; None keeps none. more: further options of aiohttp's client.
    """
    usual: dict[str, Any] = {
        "headers": {"accept-encoding": "identity", "user-agent": "mini-agent"},
        # No silent proxy: an address in the configuration is the address that is called.
        "trust_env": False,
        "read_bufsize": 2**18,
        "request_class": Request,
    }
    # Not `or`: a jar without cookies is false.
    kept = aiohttp.DummyCookieJar() if jar is None else jar
    return aiohttp.ClientSession(connector=connector, cookie_jar=kept, **{**usual, **more})
