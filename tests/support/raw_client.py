"""A client that sends bytes as they are: what no HTTP library would let through."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import dataclass
from typing import Any

from support.loop_thread import PATIENCE_S

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})[^\r\n]*\r\n")


@dataclass(frozen=True)
class RawAnswer:
    """What came back. closed: whether the server ended the connection; `reset` counts."""

    raw: bytes
    closed: bool

    @property
    def statuses(self) -> list[int]:
        """Returns: the status of every response, in order."""
        return [int(found) for found in _STATUS.findall(self.raw)]

    @property
    def status(self) -> int:
        """Returns: the status of the only response. Raises: AssertionError when there is another number of them."""
        assert len(self.statuses) == 1, self.raw[:2000]
        return self.statuses[0]

    @property
    def error(self) -> dict[str, Any]:
        """Returns: the error of the last response's envelope."""
        error: dict[str, Any] = json.loads(self.raw.rpartition(b"\r\n\r\n")[2])["error"]
        return error

    def header(self, name: str) -> str | None:
        """Returns: the first value of a header in the last response, None without one."""
        head = self.raw.rpartition(b"HTTP/1.1 ")[2].partition(b"\r\n\r\n")[0].decode("latin-1")
        pairs = (line.partition(":") for line in head.split("\r\n")[1:])
        return next((value.strip() for key, _, value in pairs if key.lower() == name.lower()), None)


class RawClient:
    """`with RawClient(port) as client: client.send(b"…"); client.read()`. One connection."""

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self._port = port
        self._receive_buffer = receive_buffer

    def __enter__(self) -> RawClient:
        self._sock = socket.socket()
        self._sock.settimeout(PATIENCE_S)
        if self._receive_buffer is not None:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        self._sock.connect(("127.0.0.1", self._port))
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def send(self, data: bytes) -> bool:
        """Send. Returns: whether all of it went; False when the server has ended the connection."""
        try:
            self._sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def end(self) -> None:
        """Say that nothing more will be sent."""
        self._sock.shutdown(socket.SHUT_WR)

    def read(self, seconds: float = PATIENCE_S) -> RawAnswer:
        """Read until the server ends the connection, or is silent for so long. Returns: what came."""
        self._sock.settimeout(seconds)
        parts: list[bytes] = []
        try:
            while data := self._sock.recv(65536):
                parts.append(data)
        except ConnectionResetError:
            pass
        except TimeoutError:
            return RawAnswer(b"".join(parts), closed=False)
        return RawAnswer(b"".join(parts), closed=True)

    def read_until(self, end: bytes) -> bytes:
        """Read until these bytes have come. Returns: everything up to now. Raises: AssertionError at the end."""
        got = b""
        while end not in got:
            data = self._sock.recv(65536)
            assert data, got
            got += data
        return got


def request(line: str, *headers: str | bytes, body: bytes = b"", host: str | None = "127.0.0.1") -> bytes:
    """Write a request. line: method, target and perhaps version; headers: whole lines. Returns: its bytes."""
    first = line if " HTTP/" in line else f"{line} HTTP/1.1"
    lines = [first.encode("latin-1"), *([f"host: {host}".encode()] if host is not None else [])]
    lines += [header if isinstance(header, bytes) else header.encode("latin-1") for header in headers]
    return b"\r\n".join([*lines, b"", body])
