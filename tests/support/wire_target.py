"""A server on loopback that keeps the very bytes it receives, and sends the very bytes a test gives it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

from support.loop_thread import PATIENCE_S, LoopThread

#: The shortest answer.
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class WireTarget:
    """One answer for each connection, then it closes.

    An answer is a sequence of parts: bytes are written; `wait` blocks until the test sets `release`; `hang` until the
    peer leaves.
    """

    def __init__(self, loop: LoopThread) -> None:
        self._loop = loop
        self._answer: Sequence[bytes | str] = (OK,)
        self._news = threading.Condition()
        self.received = b""
        self.release = threading.Event()
        self.dropped = threading.Event()

    def __enter__(self) -> WireTarget:
        self._loop.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._loop.run(self._stop())

    @property
    def url(self) -> str:
        """Returns: the address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def head(self) -> bytes:
        """Returns: request line and headers of the last request."""
        return self.received.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        """Returns: the body of the last request, in its transfer coding."""
        return self.received.partition(b"\r\n\r\n")[2]

    def headers(self) -> list[tuple[str, str]]:
        """Returns: the headers, in order, names in lower case."""
        pairs = (line.decode().partition(": ") for line in self.head.split(b"\r\n")[1:])
        return [(name.lower(), value) for name, _, value in pairs]

    def answer(self, *parts: bytes | str) -> None:
        """Set what every request gets."""
        self._answer = parts

    def wait_for(self, arrived: Callable[[bytes], bool]) -> None:
        """Wait until what was received satisfies the test. Raises: AssertionError after a while."""
        with self._news:
            assert self._news.wait_for(lambda: arrived(self.received), PATIENCE_S), self.received

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.received = b""
        try:
            while not _is_whole(self.received):
                if not (data := await reader.read(65536)):
                    self.dropped.set()
                    return
                self._take(data)
            for part in self._answer:
                if isinstance(part, bytes):
                    writer.write(part)
                    await writer.drain()
                elif part == "wait":
                    await asyncio.to_thread(self.release.wait, PATIENCE_S)
                elif not await reader.read(1):
                    self.dropped.set()
        except ConnectionError:
            self.dropped.set()
        finally:
            writer.close()

    def _take(self, data: bytes) -> None:
        with self._news:
            self.received += data
            self._news.notify_all()


def _is_whole(received: bytes) -> bool:
    """Returns: whether one request is here, its body included."""
    head, end, body = received.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head.lower():
        return body.endswith(b"0\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return bool(end) and len(body) >= int(length or 0)
