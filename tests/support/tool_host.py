"""A real host of the HTTP tool protocol on loopback, with a script and a log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web


@dataclass(frozen=True)
class HostRequest:
    """One request as it came in. headers: in order, names spelled as on the wire. path: with the query."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def json(self) -> Any:
        """Returns: the body, parsed."""
        return json.loads(self.body)

    def values(self, name: str) -> list[str]:
        """Returns: the values of a header, by any casing."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def spellings(self, name: str) -> list[str]:
        """Returns: how the name of a header was spelled, once per occurrence."""
        return [key for key, _ in self.headers if key.lower() == name.lower()]


@dataclass(frozen=True)
class Reply:
    """One answer. body: bytes and text go out as they are, anything else as JSON."""

    body: Any = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        """Returns: the answer for aiohttp."""
        if isinstance(self.body, bytes):
            data = self.body
        else:
            data = (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()
        return web.Response(status=self.status, body=data, headers=self.headers)


Answer = Reply | Callable[[HostRequest], Reply | Awaitable[Reply]]


class ToolHost:
    """`async with ToolHost(tools, ...) as host`. Each `POST /invoke` takes the next reply, the last one for ever.

    tools: answer of `GET /tools`, a list of specs or a `Reply`. requests: the log. gone: set when a client hung up
    before its answer.
    """

    def __init__(self, tools: Any = (), *replies: Answer) -> None:
        self._tools = tools if isinstance(tools, Reply) else Reply(list(tools))
        self._replies: list[Answer] = list(replies) or [Reply({"ok": True, "text": "done"})]
        self.requests: list[HostRequest] = []
        self.arrived = asyncio.Event()
        self.gone = asyncio.Event()
        self.url = ""
        self._runner = web.ServerRunner(web.Server(self._answer, handler_cancellation=True), shutdown_timeout=0.1)

    @property
    def posts(self) -> list[HostRequest]:
        """Returns: the calls that came in."""
        return [request for request in self.requests if request.method == "POST"]

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers)
        logged = HostRequest(request.method, request.path_qs, headers, await request.read())
        self.requests.append(logged)
        self.arrived.set()
        if (logged.method, request.path) == ("GET", "/tools"):
            return self._tools.response()
        if (logged.method, request.path) != ("POST", "/invoke"):
            return web.Response(status=404, text="no such path")
        answer = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        try:
            made = answer if isinstance(answer, Reply) else answer(logged)
            return (made if isinstance(made, Reply) else await made).response()
        except asyncio.CancelledError:
            self.gone.set()
            raise
