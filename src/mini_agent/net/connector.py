"""The connections and the client under all HTTP of this process."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import aiohttp.abc
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

if TYPE_CHECKING:
    from aiohttp.tracing import Trace

HttpConnectorFactory = Callable[[], aiohttp.BaseConnector]


class Request(aiohttp.ClientRequest):
    """A request that knows its connection. reused: it has one that served others. fresh: it must not be given one."""

    reused = False
    fresh = False


class _Wire(ResponseHandler):
    """One connection. served: whether it had a request already."""

    served = False

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Go on reading, where it was paused.

        aiohttp says so after every piece that is read, and looks for bytes left over from a pause: in a stream of many
        small pieces that is a fifth of all the work, for nothing unless there was a pause.
        """
        if self._reading_paused:
            super().resume_reading(resume_parser)


class _Connector(aiohttp.TCPConnector):
    """A pool of such connections, which tells a request whether its one served others before."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = partial(_Wire, loop=self._loop)  # type: ignore[assignment]  # partial is invariant

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Returns: a connection, of the pool or a new one. Raises: aiohttp's errors, when there is none."""
        while True:
            connection = await super().connect(req, traces, timeout)
            wire = connection.protocol
            if not isinstance(req, Request) or not isinstance(wire, _Wire):
                return connection
            req.reused, wire.served = wire.served, True
            if not (req.fresh and req.reused):
                return connection
            # Where one idle connection was closed by its server, the others have waited as long.
            connection.close()


def open_http_connector() -> aiohttp.BaseConnector:
    """Open the pool of connections that all HTTP clients of one app share. Must run on the app's loop.

    It has no bound of its own: `net.connections` bounds it per provider, with a time limit for waiting. It knows no
    cookies: those belong to the client of one user.

    Returns: the pool; the caller closes it.
    """
    # Many servers (uvicorn, Node, llama.cpp) close a connection after 5 idle seconds, and a request that crosses the
    # close is lost: ours give a connection up first. Some close earlier than they say;
    # `net.stale` tells what becomes of those.
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
