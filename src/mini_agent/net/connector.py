"""The connections and the client under all HTTP of this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiohttp
import aiohttp.abc

__all__ = ["HttpConnectorFactory", "open_http_connector", "open_session"]

HttpConnectorFactory = Callable[[], aiohttp.BaseConnector]


def open_http_connector() -> aiohttp.BaseConnector:
    """Open the pool of connections that all HTTP clients of one app share. Must run on the app's loop.

    It has no bound of its own: `net.connections` bounds it per provider, with a time limit for waiting. It knows no
    cookies: those belong to the client of one user.

    Returns: the pool; the caller closes it.
    """
    # Many servers (uvicorn, Node, llama.cpp) close a connection after 5 idle seconds. A request that crosses the close
    # is lost and must not be sent twice: ours give a connection up first.
    return aiohttp.TCPConnector(limit=0, ttl_dns_cache=30, keepalive_timeout=4)


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
    }
    # Not `or`: a jar without cookies is false.
    kept = aiohttp.DummyCookieJar() if jar is None else jar
    return aiohttp.ClientSession(connector=connector, cookie_jar=kept, **{**usual, **more})
