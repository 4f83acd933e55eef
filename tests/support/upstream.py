"""A real OpenAI-compatible provider on loopback, whose behaviour a test scripts and whose requests it can read."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

from support.loop_thread import PATIENCE_S, LoopThread

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Seen:
    """One request as the provider saw it. headers: as (name, value) pairs, spelled as sent.

    query: without `?`. raw_path: as on the wire, without query.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    raw: bytes
    query: str = ""
    raw_path: str = ""

    @property
    def body(self) -> Any:
        """Returns: the decoded JSON body."""
        return json.loads(self.raw)

    def header(self, name: str) -> str | None:
        """Returns: the first value of a header, None without one."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Upstream:
    """The provider. Behaviours are used in order, the last one for all further requests."""

    def __init__(self, loop: LoopThread) -> None:
        self._loop = loop
        self._script: list[Behaviour] = [answer("hi there")]
        self.requests: list[Seen] = []
        self._peers: set[Any] = set()
        self._arrival = threading.Condition()
        self.dropped = threading.Event()
        self.release = threading.Event()
        self.port = 0

    def __enter__(self) -> Self:
        self._loop.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._loop.run(self._runner.cleanup())

    @property
    def base(self) -> str:
        """Returns: the `api_base` of this provider."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def connections(self) -> int:
        """Returns: how many connections requests have arrived on."""
        return len(self._peers)

    def script(self, *behaviours: Behaviour) -> None:
        """Set what the next requests get."""
        self._script = list(behaviours)

    def forget(self) -> None:
        """Empty the log and the events, for a provider that several tests share."""
        self.requests.clear()
        self.dropped.clear()
        self.release.clear()

    def stop_listening(self) -> None:
        """Refuse connections from now on."""
        self._loop.run(self._runner.cleanup())

    def wait_requests(self, count: int = 1, seconds: float = PATIENCE_S) -> None:
        """Wait until this many requests have arrived. Raises: AssertionError after the time."""
        with self._arrival:
            arrived = self._arrival.wait_for(lambda: len(self.requests) >= count, seconds)
        assert arrived, f"{len(self.requests)} of {count} requests arrived"

    def wait_dropped(self, seconds: float = PATIENCE_S) -> bool:
        """Returns: whether a client dropped a request within the time."""
        return self.dropped.wait(seconds)

    async def _start(self) -> None:
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        self._peers.add(request.transport.get_extra_info("peername") if request.transport else None)
        headers = tuple((name.decode(), value.decode("latin-1")) for name, value in request.raw_headers)
        with self._arrival:
            raw_path, _, query = request.raw_path.partition("?")
            self.requests.append(Seen(request.method, request.path, headers, raw, query, raw_path))
            self._arrival.notify_all()
        behaviour = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        request[_UPSTREAM] = self
        try:
            return await behaviour(request)
        except (asyncio.CancelledError, ConnectionResetError):
            self.dropped.set()
            raise


def completion(text: str | None, **message: Any) -> dict[str, Any]:
    """Returns: a completion object with one choice."""
    calls = message.get("tool_calls")
    return {
        "id": "cmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "upstream-model",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **message},
                "finish_reason": "tool_calls" if calls else "stop",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    }


def chunk(delta: Mapping[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    """Returns: one stream chunk."""
    choice = {"index": 0, "delta": dict(delta), "finish_reason": finish_reason}
    return {"id": "cmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": [choice]}


def finish_chunk(reason: str = "stop") -> dict[str, Any]:
    """Returns: the closing chunk."""
    return chunk({}, reason)


def usage_chunk() -> dict[str, Any]:
    """Returns: the chunk that follows the closing one when usage was asked for."""
    return {**chunk({}), "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}


def sse(event: Mapping[str, Any] | str) -> bytes:
    """Returns: one event on the wire."""
    text = event if isinstance(event, str) else json.dumps(event)
    return f"data: {text}\n\n".encode()


def answer(
    body: str | bytes | Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Behaviour:
    """Answer with a completion of this text, this JSON, or these bytes."""
    if isinstance(body, str):
        body = completion(body)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def behave(request: web.Request) -> web.StreamResponse:
        return web.Response(body=raw, status=status, headers={"content-type": "application/json", **(headers or {})})

    return behave


def refuse(
    status: int, message: str = "no", code: str | None = None, headers: Mapping[str, str] | None = None
) -> Behaviour:
    """Answer with an OpenAI error body."""
    error = {"message": message, "type": "some_error", "code": code, "param": None}
    return answer({"error": error}, status, headers)


def pieces(*parts: bytes | str, end: str = "eof", status: int = 200) -> Behaviour:
    """Stream exactly these bytes, one write each.

    A part that is the text `wait` blocks until the test sets `upstream.release`. end: `eof` ends the body, `abort`
    resets the connection, `hang` never ends.
    """

    async def behave(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for part in parts:
            if part == "wait":
                await _wait_release(request)
            elif isinstance(part, bytes):
                await response.write(part)
        if end == "abort":
            assert request.transport is not None
            request.transport.abort()
        elif end == "hang":
            await asyncio.Event().wait()
        return response

    return behave


def stream_of(events: Sequence[Mapping[str, Any]], *, done: bool = True) -> Behaviour:
    """Stream these events, with `[DONE]` at the end unless told otherwise."""
    return pieces(*(sse(event) for event in events), *([sse("[DONE]")] if done else []))


def text_stream(*words: str) -> Behaviour:
    """Stream a role chunk, one chunk per word, the closing chunk and `[DONE]`."""
    deltas = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": word}) for word in words)]
    return stream_of([*deltas, finish_chunk()])


def hang() -> Behaviour:
    """Never answer, until the client leaves."""

    async def behave(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    return behave


def held(text: str) -> Behaviour:
    """Answer with this text once the test sets `upstream.release`."""
    plain = answer(text)

    async def behave(request: web.Request) -> web.StreamResponse:
        await _wait_release(request)
        return await plain(request)

    return behave


def abort() -> Behaviour:
    """Reset the connection instead of answering."""

    async def behave(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    return behave


_UPSTREAM: web.RequestKey[Upstream] = web.RequestKey("upstream", Upstream)


async def _wait_release(request: web.Request) -> None:
    upstream: Upstream = request[_UPSTREAM]
    while not upstream.release.is_set():
        # Yielding to the loop; the release comes from the test's thread.
        await asyncio.sleep(0.002)
