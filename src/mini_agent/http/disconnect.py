"""Cancelling work whose client has gone."""

from __future__ import annotations

import asyncio
from types import TracebackType

from mini_agent.http.exchange import ClientDisconnected, Receive

__all__ = ["CancelOnDisconnect"]


class CancelOnDisconnect:
    """`async with CancelOnDisconnect(receive): …` cancels the block when the client disconnects.

    The block's cancellation runs its `finally` clauses, which close the provider request and kill tools. Leave the
    block before the last message of the response is sent: servers report a finished response as a disconnect.
    Raises: ClientDisconnected out of the block.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._gone = False

    async def __aenter__(self) -> CancelOnDisconnect:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("CancelOnDisconnect needs a running task")
        self._task = task
        self._watcher = asyncio.get_running_loop().create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watcher.cancel()
        # Others may have cancelled the task as well, the server at shutdown for one: their cancellation stands.
        if self._gone and self._task.uncancel() == 0 and (kind is None or issubclass(kind, asyncio.CancelledError)):
            raise ClientDisconnected from None

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._task.cancel()
