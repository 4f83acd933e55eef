"""Cancelling work whose client has gone."""

from __future__ import annotations

import asyncio
from types import TracebackType

from mini_agent.edge.exchange import ClientDisconnected, Receive, Scope

#: Key in the ASGI scope under which our own server offers a function that takes a callback, or None to end the watch.
#: It spares a task per request. Other servers only have the message that `receive` gives.
WATCH_DISCONNECT = "mini_agent.watch_disconnect"


class CancelOnDisconnect:
    """`async with CancelOnDisconnect(scope, receive): …` cancels the block when the client disconnects.

    The block's cancellation runs its `finally` clauses, which close the provider request and kill tools. Leave the
    block before the last message of the response is sent: servers report a finished response as a disconnect.
    Raises: ClientDisconnected out of the block.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._watch_connection = scope.get(WATCH_DISCONNECT)
        self._receive = receive
        self._watcher: asyncio.Task[None] | None = None
        self._gone = False

    async def __aenter__(self) -> CancelOnDisconnect:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("CancelOnDisconnect needs a running task")
        self._task = task
        if self._watch_connection is not None:
            self._watch_connection(self._cancel)
        else:
            self._watcher = asyncio.get_running_loop().create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
        elif self._watch_connection is not None:
            self._watch_connection(None)
        # Others may have cancelled the task as well, the server at shutdown for one: their cancellation stands.
        if self._gone and self._task.uncancel() == 0 and (kind is None or issubclass(kind, asyncio.CancelledError)):
            raise ClientDisconnected from None

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._cancel()

    def _cancel(self) -> None:
        self._gone = True
        self._task.cancel()
