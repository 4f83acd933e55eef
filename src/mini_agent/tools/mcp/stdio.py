"""An MCP server as a process, with lines of bounded length: the SDK's own transport collects whatever comes.

The optional `mcp` package is imported when a server is started.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import anyio
from anyio.abc import Process

from mini_agent.core.patterns import Pattern

if TYPE_CHECKING:
    from mcp.shared.message import SessionMessage

#: A message is one line. A longer one is not kept.
MAX_LINE_BYTES = 8 * 1024 * 1024
#: Of a line that is too long, this much is looked at for the id of the call that it answers.
_HEAD_BYTES = 4096
_ID = Pattern(rb'"id": {0,4}(\d{1,18})')
#: How long a server may take to leave by itself, and again after it was asked to.
_LEAVE_S = 2.0
_GONE = (anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.EndOfStream, OSError)


class Lines:
    """Cuts bytes into lines, whatever pieces they come in. limit: bytes of a line that are kept."""

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Take the next bytes. Yields: each line that they end, and whether it is whole; else it is its beginning."""
        first, *others = data.split(b"\n")
        self._hold(first)
        for part in others:
            line, whole = b"".join(self._parts), self._size <= self._limit
            self._parts.clear()
            self._size = 0
            self._hold(part)
            yield line, whole

    def _hold(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= self._limit:
            self._parts.append(part)
        elif self._parts or self._size == len(part):
            # Once too long, always too long: only its beginning is of use.
            self._parts = [b"".join([*self._parts, part])[:_HEAD_BYTES]]


@asynccontextmanager
async def open_stdio(command: Sequence[str], env: Mapping[str, str]) -> AsyncIterator[tuple[Any, Any]]:
    """Start a server; at the end it is asked to leave, then told to, then killed with all that it started.

    Yields: the SDK's read and write streams. Raises: OSError when it cannot be started.
    """
    from mcp.shared.message import SessionMessage

    # What a server writes to stderr is foreign text; our own stderr holds JSON log lines only.
    process = await anyio.open_process(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=env,
        start_new_session=True,
    )
    to_session, read_stream = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write_stream, from_session = anyio.create_memory_object_stream[SessionMessage](0)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read, process, to_session)
        tasks.start_soon(_write, process, from_session, to_session)
        try:
            yield read_stream, write_stream
        finally:
            with anyio.CancelScope(shield=True):
                read_stream.close()
                write_stream.close()
                await _end(process)
            tasks.cancel_scope.cancel()


async def _read(process: Process, to_session: Any) -> None:
    """Hand over what the server says, until it ends."""
    lines = Lines()
    assert process.stdout is not None
    async with to_session:
        with suppress(*_GONE):
            async for data in process.stdout:
                for line, whole in lines.feed(data):
                    await to_session.send(_message(line) if whole else _too_long(line))


async def _write(process: Process, from_session: Any, to_session: Any) -> None:
    """Send what the session says, until either is over."""
    assert process.stdin is not None
    async with from_session:
        with suppress(*_GONE):
            async for message in from_session:
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                await process.stdin.send(text.encode() + b"\n")
            return
    # Nobody reads there any more: the session must see that it is over.
    await to_session.aclose()


def _message(line: bytes) -> SessionMessage | Exception:
    """Returns: the message of a line, or why it is none: the session decides what that means."""
    import mcp_types
    from mcp.shared.message import SessionMessage

    try:
        text = line.decode("utf-8", "replace")
        return SessionMessage(mcp_types.jsonrpc_message_adapter.validate_json(text, by_name=False))
    except ValueError as error:
        return error


def _too_long(head: bytes) -> SessionMessage | Exception:
    """Returns: a failure of the call that a line answers, as far as its beginning tells which."""
    import mcp_types
    from mcp.shared.message import SessionMessage

    text = f"the answer is larger than {MAX_LINE_BYTES} bytes"
    found = _ID.search(head)
    if found is None:
        return ValueError(text)
    error = mcp_types.ErrorData(code=mcp_types.INTERNAL_ERROR, message=text)
    return SessionMessage(mcp_types.JSONRPCError(jsonrpc="2.0", id=int(found[1]), error=error))


async def _end(process: Process) -> None:
    """End a server and whatever it has started, within bounds."""
    if process.stdin is not None:
        with suppress(*_GONE):
            await process.stdin.aclose()
    for number in (0, signal.SIGTERM, signal.SIGKILL):
        if number:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        with anyio.move_on_after(_LEAVE_S):
            await process.wait()
            break
    await process.aclose()
