"""Running the app on a socket: announce the address, stop in order (GATEWAY 1)."""

from __future__ import annotations

import contextlib
import functools
import resource
import signal
import socket
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any

import uvicorn

from mini_agent.edge.protocol import ConnectionLimits, GatewayProtocol
from mini_agent.settings import Settings

#: Files that the process needs beside its connections: its own, and those of tools.
_OTHER_FILES = 128


class GatewayServer(uvicorn.Server):
    """Calls `on_ready` once the socket accepts, and ends without re-raising the signal that stopped it."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self.stopped_by: int | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then announce."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Handle SIGINT and SIGTERM while serving."""
        handled = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, _frame: FrameType | None) -> None:
        """Stop accepting and let running requests end; a second signal does not wait for them."""
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True
        self.stopped_by = self.stopped_by or sig


def bind(host: str, port: int) -> socket.socket:
    """Bind a listening socket. port: 0 for a free one.

    Returns: the socket, not inheritable by children.
    Raises: OSError that names the address, when it is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(2048)
    except OSError as error:
        sock.close()
        shown = f"[{host}]" if ":" in host else host
        raise OSError(error.errno, error.strerror, f"{shown}:{port}") from error
    return sock


def limits_of(settings: Settings) -> ConnectionLimits:
    """Returns: what one client of the gateway may do."""
    connections = settings.max_connections or _most_connections()
    return ConnectionLimits(connections=connections, head_s=settings.head_s, stall_s=settings.stall_s)


def _most_connections() -> int:
    """Returns: how many connections the process can have, when each may need another one on its other side."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(ConnectionLimits.connections, max(16, (files - _OTHER_FILES) // 2))


def server_config(
    app: Any, *, grace_s: float, limits: ConnectionLimits | None = None, loop: Any = "auto", date_header: bool = True
) -> uvicorn.Config:
    """Configure the server.

    grace_s: seconds that running requests get after a stop signal. limits: of its connections. date_header: whether it
    writes `Date` itself.

    Returns: the configuration.
    """
    limits = limits or ConnectionLimits(connections=_most_connections())
    return uvicorn.Config(
        app,
        http=functools.partial(GatewayProtocol, limits=limits),  # type: ignore[arg-type]  # It is only called.
        interface="asgi3",
        ws="none",
        loop=loop,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=date_header,
        proxy_headers=False,
        timeout_graceful_shutdown=grace_s,  # type: ignore[arg-type]  # It is awaited as a float.
        timeout_keep_alive=75,
    )
