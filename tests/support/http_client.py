"""A plain HTTP client for tests: standard library, one connection per request, nothing cached."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from support.loop_thread import PATIENCE_S


@dataclass(frozen=True)
class Reply:
    """One answer. headers: lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Returns: the decoded body."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """Returns: the error of the envelope."""
        error: dict[str, Any] = self.json()["error"]
        return error

    @property
    def text(self) -> str:
        """Returns: the content of the first choice."""
        content: str = self.json()["choices"][0]["message"]["content"]
        return content


class HttpClient:
    """Talks to `host:port`. headers: sent with every request."""

    patience_s = PATIENCE_S
    """Seconds until the server must have sent something more."""

    def __init__(self, host: str, port: int, headers: Mapping[str, str] | None = None) -> None:
        self.host, self.port = host, port
        self.headers = dict(headers or {})

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Returns: the whole answer."""
        connection = self._open(method, path, body, headers)
        try:
            response = connection.getresponse()
            return Reply(response.status, _lower(response), response.read())
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        """Returns: the answer to a GET."""
        return self.request("GET", path, None, headers)

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Reply:
        """Returns: the answer to a POST of this JSON value, or of these bytes."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", path, raw, {"content-type": "application/json", **(headers or {})})

    def chat(self, text: str = "hi", model: str = "m1", headers: Mapping[str, str] | None = None, **more: Any) -> Reply:
        """Returns: the answer to a chat request with one user message."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return self.post("/v1/chat/completions", body, headers)

    def open_stream(self, body: Any, path: str = "/v1/chat/completions") -> http.client.HTTPConnection:
        """Send a request and leave the answer unread. Returns: the connection; the caller closes it."""
        return self._open("POST", path, json.dumps(body).encode(), {"content-type": "application/json"})

    def _open(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None
    ) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.patience_s)
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
        except (BrokenPipeError, ConnectionResetError):
            # A server may refuse a large body before it has read it; its answer is waiting to be read.
            if connection.sock is None:
                raise
        return connection


def events_of(body: bytes) -> list[Any]:
    """Returns: the payloads of a finished stream, decoded; `[DONE]` stays text, comments are left out."""
    payloads = [line[6:] for line in body.decode().split("\n") if line.startswith("data: ")]
    return [payload if payload == "[DONE]" else json.loads(payload) for payload in payloads]


def raw_exchange(port: int, sent: bytes, *, half_close: bool = False) -> bytes:
    """Send bytes over a bare connection. Returns: everything that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sock:
        sock.sendall(sent)
        if half_close:
            sock.shutdown(socket.SHUT_WR)
        return b"".join(_until_closed(sock))


def _until_closed(sock: socket.socket) -> Iterator[bytes]:
    while data := sock.recv(65536):
        yield data


def _lower(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}
