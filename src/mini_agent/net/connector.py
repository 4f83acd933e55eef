"""The pool of connections under every HTTP client of this process."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp

__all__ = ["HttpConnectorFactory", "open_http_connector"]

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
