"""An ASGI application of this process on a real port of loopback, under the server that the commands use."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from uvicorn.server import ServerState

from mini_agent.server import bind, server_config
from support.loop_thread import LoopThread


class ServedApp:
    """`with ServedApp(loop, app) as served:` serves on `served.port`. options: for `server_config`."""

    def __init__(self, loop: LoopThread, app: Any, **options: Any) -> None:
        self._loop = loop
        self._app = app
        self._options = options
        self._sock = bind("127.0.0.1", 0)
        self.port: int = self._sock.getsockname()[1]

    def __enter__(self) -> ServedApp:
        self._loop.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run(self._stop())

    @property
    def connections(self) -> int:
        """Returns: how many connections of clients are open."""
        return len(self._state.connections)

    async def _start(self) -> None:
        # uvicorn silences this logger whenever a server is configured; the next test must find it as it was.
        access = logging.getLogger("uvicorn.access")
        self._access = (access.handlers[:], access.propagate)
        # uvicorn's own main loop ticks ten times a second; serving without it makes start and stop immediate.
        self._config = server_config(self._app, grace_s=1.0, loop="asyncio", **self._options)
        self._config.load()
        self._lifespan = self._config.lifespan_class(self._config)
        await self._lifespan.startup()
        self._state = ServerState()
        protocol: Any = self._config.http_protocol_class
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: protocol(config=self._config, server_state=self._state, app_state=self._lifespan.state),
            sock=self._sock,
        )

    async def _stop(self) -> None:
        access = logging.getLogger("uvicorn.access")
        access.handlers[:], access.propagate = self._access
        self._server.close()
        for task in list(self._state.tasks):
            task.cancel()
        await asyncio.gather(*self._state.tasks, return_exceptions=True)
        for connection in list(self._state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        await self._lifespan.shutdown()
