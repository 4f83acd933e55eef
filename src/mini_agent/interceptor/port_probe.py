"""Asking a port: can it be bound, and whose interceptor answers on it."""

from __future__ import annotations

import errno
import http.client
import json
import socket
from contextlib import closing

#: Seconds that somebody else's server may take to say who it is.
_PATIENCE_S = 1.0
_MOST_BYTES = 65536
_TAKEN = (errno.EADDRINUSE, errno.EACCES)
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}


def is_bindable(host: str, port: int) -> bool:
    """Returns: whether a server could bind the port on this address. Raises: OSError when the address is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as sock:
        # As the server does it: connections of a stopped one that still linger are no obstacle.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            raise
    return True


def project_on(host: str, port: int) -> str | None:
    """Ask `GET /health`. Returns: the project whose interceptor listens there; None for anything else."""
    with closing(http.client.HTTPConnection(_EVERY_ADDRESS.get(host, host), port, timeout=_PATIENCE_S)) as connection:
        try:
            connection.request("GET", "/health")
            health = json.loads(connection.getresponse().read(_MOST_BYTES))
        except (OSError, http.client.HTTPException, ValueError, RecursionError):
            return None  # It does not speak as an interceptor does: that is the answer.
    project = health.get("project") if isinstance(health, dict) else None
    return project if isinstance(project, str) else None
