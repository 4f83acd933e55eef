"""Talks HTTP to the one address that is probed: bounded, counted, and silent about the key."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from greenlane.ext.probe.values import Event, Finding

MOST = 8 * 1024 * 1024
"""Bytes of one answer that are read."""

SHOWN = 300
"""Characters of an answer that a finding quotes."""

HIDDEN = "[redacted]"


class BudgetSpent(Finding):
    """A check could not be asked because the budget is spent."""


class Budget:
    """What a probe may cost. Threads of one check share it.

    Args:
        tokens: of prompts and answers together; seconds: of the clock; calls: requests.
    """

    def __init__(self, tokens: int = 60_000, seconds: float = 300.0, calls: int = 600) -> None:
        self.tokens, self.seconds, self.calls = tokens, seconds, calls
        self.used_tokens = self.used_calls = 0
        self._began = time.monotonic()
        self._lock = threading.Lock()

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.seconds - (time.monotonic() - self._began)

    def call(self) -> None:
        """Count a request before it is made.

        Raises:
            BudgetSpent: it is one too many.
        """
        with self._lock:
            if self.used_calls >= self.calls:
                raise BudgetSpent(f"not asked: the budget of {self.calls} calls is spent")
            if self.used_tokens >= self.tokens:
                raise BudgetSpent(f"not asked: the budget of {self.tokens} tokens is spent")
            if self.left <= 0:
                raise BudgetSpent(f"not asked: the budget of {self.seconds:g} s is spent")
            self.used_calls += 1

    def cost(self, tokens: int) -> None:
        """Count what an answer cost."""
        with self._lock:
            self.used_tokens += max(0, tokens)


class UnansweredError(Finding):
    """Nothing that is HTTP came back."""


@dataclass(frozen=True)
class Reply:
    """An answer. headers: lower-case names; seconds: until the whole was there."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the decoded body.

        Raises:
            Finding: it is no JSON.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Finding(f"status {self.status}: the body is no JSON: {self.text[:SHOWN]!r}") from error


@dataclass(frozen=True)
class Stream:
    """A stream that was read: its head, its events, and the seconds until the first of them and the end."""

    status: int
    headers: Mapping[str, str]
    events: tuple[Event, ...]
    body: bytes
    first: float
    seconds: float


class Wire:
    """The one way out.

    Args:
        base: address, `http://host:port` with an optional path before the routes.
        key: sent as the dialects ask for it; empty for none.
        budget: what may be spent.
        patience: seconds for one answer.
    """

    def __init__(self, base: str, key: str = "", budget: Budget | None = None, patience: float = 30.0) -> None:
        parts = urlsplit(base)
        self._secure = parts.scheme == "https"
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if self._secure else 80)
        self._prefix = parts.path.rstrip("/").removesuffix("/v1").removesuffix("/mcp")
        self.key = key
        self.budget = budget or Budget()
        self.patience = patience
        self._idle: list[http.client.HTTPConnection] = []
        self.opened = 0

    def close(self) -> None:
        """Close what is open."""
        while self._idle:
            self._idle.pop().close()

    def hide(self, text: str) -> str:
        """Return text without the key."""
        return text.replace(self.key, HIDDEN) if self.key else text

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Make one request and return the whole answer. body: JSON, or bytes that are sent as they are.

        Raises:
            UnansweredError: there was no whole answer.
        """
        began = time.monotonic()
        with self._open(method, path, body, headers) as (connection, response):
            data = response.read(MOST)
            self._keep(connection, response)
        return Reply(response.status, _lower(response), data, time.monotonic() - began)

    def stream(self, path: str, body: Any, headers: Mapping[str, str] | None = None, leave_after: int = 0) -> Stream:
        """Make one request and read the stream. leave_after: events after which the connection is cut; 0 for never.

        Raises:
            UnansweredError: there was no answer, or the connection broke before its end.
        """
        began = time.monotonic()
        events: list[Event] = []
        seen: list[bytes] = []
        with self._open("POST", path, body, {"accept": "text/event-stream", **(headers or {})}) as opened:
            connection, response = opened
            for event in _events(_lines(response, seen), began):
                events.append(event)
                if leave_after and len(events) >= leave_after:
                    break
            else:
                self._keep(connection, response)
        first = events[0].at if events else 0.0
        raw = b"".join(seen)
        return Stream(response.status, _lower(response), tuple(events), raw, first, time.monotonic() - began)

    @contextlib.contextmanager
    def _open(
        self, method: str, path: str, body: Any, headers: Mapping[str, str] | None
    ) -> Generator[tuple[http.client.HTTPConnection, http.client.HTTPResponse]]:
        """Send a request; whatever fails below HTTP is a finding, and closes the connection."""
        self.budget.call()
        raw = body if isinstance(body, bytes | None) else json.dumps(body, ensure_ascii=False).encode()
        sent = {"content-type": "application/json"} if raw is not None else {}
        sent |= dict(headers or {})
        connection = None
        try:
            connection, response = self._exchange(method, f"{self._prefix}{path}", raw, sent)
            yield connection, response
        except (OSError, http.client.HTTPException, ValueError) as error:
            what = f"{type(error).__name__}: {error}".removesuffix(": ")
            raise UnansweredError(self.hide(f"{method} {path}: no whole answer: {what}")) from error
        finally:
            if connection is not None and connection not in self._idle:
                connection.close()

    def _exchange(
        self, method: str, path: str, raw: bytes | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """Send a request over a connection that waits, or a new one where the server has closed that meanwhile."""
        if self._idle:
            connection = self._idle.pop()
            try:
                connection.request(method, path, raw, headers)
                return connection, connection.getresponse()
            except (ConnectionError, http.client.RemoteDisconnected):
                connection.close()
        connection = self._new()
        try:
            connection.request(method, path, raw, headers)
            return connection, connection.getresponse()
        except (BrokenPipeError, ConnectionResetError):
            # A server may refuse a large body before it has read it; its answer is waiting to be read.
            if connection.sock is None:
                raise
            return connection, connection.getresponse()

    def _new(self) -> http.client.HTTPConnection:
        self.opened += 1
        patience = max(0.1, min(self.patience, self.budget.left))
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self.host, self.port, timeout=patience, context=context)
        return http.client.HTTPConnection(self.host, self.port, timeout=patience)

    def _keep(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        if response.isclosed() and not response.will_close and connection.sock is not None:
            self._idle.append(connection)


def _lower(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}


def _lines(response: http.client.HTTPResponse, seen: list[bytes]) -> Iterator[str]:
    """Yield lines as they come, up to the bound."""
    size = 0
    while size < MOST and (line := response.readline(MOST)):
        size += len(line)
        seen.append(line)
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def _events(lines: Iterator[str], began: float) -> Iterator[Event]:
    """Yield server-sent events: fields of a line each, an empty line ends one (WHATWG HTML, 9.2.6)."""
    name = ""
    data: list[str] = []
    for line in lines:
        if not line:
            if data:
                yield Event(name, decoded("\n".join(data)), time.monotonic() - began)
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)


def decoded(text: str) -> Any:
    """Return a payload as JSON, or as the text that it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text
