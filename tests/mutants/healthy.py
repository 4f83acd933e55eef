"""A healthy gateway in one small server: every dialect, one model made of rules, and seams where a defect is put in.

A seam is a function that is given what the healthy gateway would do, and returns what is done instead; see README.md.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import itertools
import json
import math
import random
import struct
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mutants.brain import ROOM, Brain, Prompt, Thought, tokens_of
from mutants.speaking import RefusedError, Sent, bad, body_of, events_of, prompt_of, refusal_of

MODEL = "healthy-1"
EMBEDDER = "healthy-embed"
PATHS = {
    "/v1/chat/completions": "chat", "/v1/messages": "messages", "/v1/responses": "responses",
    "/v1/embeddings": "embeddings", "/agent/run": "agent", "/mcp": "mcp",
}  # fmt: skip
SPOKEN = ("chat", "messages", "responses")
UNPACED = 60
"""Events of a stream that are sent at once; the rest of a longer one comes slowly, so that somebody can cancel it."""

JSON_TYPE = "application/json"
SSE_TYPE = "text/event-stream; charset=utf-8"


@dataclass
class Exchange:
    """One request, as the seams see it.

    Attributes:
        number: of the request, from 1; dialect: empty for none of ours.
        raw: the body as it came; body: decoded, None where it is no object.
        state: lives as long as the gateway: a defect remembers in it what it mixes up.
    """

    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes
    dialect: str = ""
    body: Any = None
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def streams(self) -> bool:
        """Whether a stream is asked for."""
        return isinstance(self.body, dict) and self.body.get("stream") is True


@dataclass
class Response:
    """What is sent: a body, or events. `headers` have lower-case names."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": JSON_TYPE})
    body: bytes = b""
    events: list[Sent] | None = None

    @classmethod
    def of(cls, value: Any, status: int = 200) -> Response:
        """Return an answer in JSON."""
        return cls(status, body=json.dumps(value, ensure_ascii=False).encode())

    def json(self) -> Any:
        """Return the decoded body."""
        return json.loads(self.body)


def _same(value: Any, _exchange: Exchange) -> Any:
    return value


@dataclass(frozen=True, kw_only=True)
class Seams:
    """Where a defect is put in; each is given what the healthy gateway has, and the exchange.

    Attributes:
        prompt: what the model reads. thought: what it answers.
        body: of a plain answer, decoded (also of models, embeddings, runs and MCP).
        events: of a stream.
        refused: the refusal of a request, before its envelope is made; None lets the request pass.
        response: the whole, status, headers and body, last of all.
        frame: bytes of one event.
        slots: requests that are answered at once; above are refused with 429.
        keeps_slots: whether a cancelled stream keeps its place.
        closes: whether every connection is closed after an answer.
        key: that is demanded; empty for none.
        pace: seconds between the later events of a long stream.
    """

    prompt: Callable[[Prompt, Exchange], Prompt] = _same
    thought: Callable[[Thought, Exchange], Thought] = _same
    body: Callable[[Any, Exchange], Any] = _same
    events: Callable[[list[Sent], Exchange], list[Sent]] = _same
    refused: Callable[[RefusedError | None, Exchange], RefusedError | None] = _same
    response: Callable[[Response, Exchange], Response] = _same
    frame: Callable[[bytes, Exchange], bytes] = _same
    slots: int = 8
    keeps_slots: bool = False
    closes: bool = False
    key: str = ""
    pace: float = 0.002


class Gateway:
    """Answers requests, with or without a defect.

    Args:
        seams: where it differs from a healthy one.
    """

    def __init__(self, seams: Seams | None = None) -> None:
        self.seams = seams or Seams()
        self.state: dict[str, Any] = {}
        self.busy = 0
        self._brain = Brain()
        self._numbers = itertools.count(1)

    def answer(self, method: str, path: str, headers: Mapping[str, str], raw: bytes) -> tuple[Response, Exchange]:
        """Return what is sent for a request."""
        x = Exchange(next(self._numbers), method, path, headers, raw, PATHS.get(path, ""), None, self.state)
        refusal: RefusedError | None = None
        response = Response()
        try:
            response = self._healthy(x)
        except RefusedError as error:
            refusal = error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            refusal = bad(f"the request has not the form of the dialect: {type(error).__name__}")
        refusal = self.seams.refused(refusal, x)
        if refusal is not None:
            response = Response.of(refusal_of(x.dialect, refusal.kind, refusal.message), refusal.status)
        elif response.body == b"" and response.events is None and response.status == 200:
            # A defect lets a bad request pass: it is answered as if it had been good.
            response = Response.of(
                body_of(x.dialect or "chat", Thought("Hello.", prompt_tokens=3, answer_tokens=1), MODEL, 0)
            )
        return self.seams.response(response, x), x

    def _healthy(self, x: Exchange) -> Response:
        self._authorise(x)
        if x.method == "GET" and x.path.startswith("/v1/models"):
            return self._models(x)
        if x.path == "/healthz":
            return Response.of({"status": "ok"})
        if not x.dialect:
            raise RefusedError(404, "not_found_error", "there is no such route")
        if x.method != "POST":
            raise RefusedError(405, "invalid_request_error", "POST is the method of this route")
        x.body = _decoded(x)
        if x.dialect == "mcp":
            return mcp_response(x, self.seams.body)
        if not isinstance(x.body, dict):
            raise bad("the body must be an object")
        known = EMBEDDER if x.dialect == "embeddings" else MODEL
        if x.body.get("model") != known:
            raise RefusedError(404, "not_found_error", f"the model {x.body.get('model')!r} does not exist")
        if x.dialect == "embeddings":
            return Response.of(self.seams.body(embeddings_body(x.body), x))
        return self._run(x) if x.dialect == "agent" else self._talk(x)

    def _authorise(self, x: Exchange) -> None:
        key = self.seams.key
        given = x.headers.get("x-api-key") or x.headers.get("authorization", "").removeprefix("Bearer ")
        if key and given != key:
            raise RefusedError(401, "authentication_error", "the key is wrong")

    def _models(self, x: Exchange) -> Response:
        models = [{"id": i, "object": "model", "created": 1_760_000_000, "owned_by": "us"} for i in (MODEL, EMBEDDER)]
        if x.path == "/v1/models":
            return Response.of(self.seams.body({"object": "list", "data": models}, x))
        found = [model for model in models if x.path == f"/v1/models/{model['id']}"]
        if not found:
            raise RefusedError(404, "not_found_error", "the model does not exist")
        return Response.of(self.seams.body(found[0], x))

    def _think(self, prompt: Prompt, x: Exchange) -> Thought:
        if prompt.tokens > ROOM:
            raise bad(f"context_length_exceeded: the prompt has {prompt.tokens} tokens, {ROOM} is the most")
        return self.seams.thought(self._brain.think(self.seams.prompt(prompt, x)), x)

    def _talk(self, x: Exchange) -> Response:
        thought = self._think(prompt_of(x.dialect, x.body), x)
        if x.streams:
            events = events_of(x.dialect, thought, MODEL, x.number)
            if x.dialect == "chat" and not (x.body.get("stream_options") or {}).get("include_usage"):
                events = [event for event in events if event.data == "[DONE]" or event.data["choices"]]
            return Response(headers={"content-type": SSE_TYPE}, events=self.seams.events(events, x))
        return Response.of(self.seams.body(body_of(x.dialect, thought, MODEL, x.number), x))

    def _run(self, x: Exchange) -> Response:
        if x.body.get("tool_backend", "local") not in ("local", "echo", "http", "docker", "mcp"):
            raise bad("`tool_backend` must be one of local, http, docker, mcp, echo")
        thought = self._think(prompt_of("chat", {**x.body, "max_tokens": None, "tools": None}), x)
        messages = [*x.body["messages"], {"role": "assistant", "content": thought.text}]
        metrics = {"iterations": 1, "ttotal_ms": 1.5, "escalated": False, "used_model": MODEL, "simulated": False}
        body = {"ok": True, "final_answer": thought.text, "stopped_reason": "success", "messages": messages,
                "metrics": metrics}  # fmt: skip
        return Response.of(self.seams.body(body, x))


def _decoded(x: Exchange) -> Any:
    try:
        return json.loads(x.raw)
    except ValueError as error:
        if x.dialect == "mcp":
            return None
        raise bad("the body is no JSON") from error


def embeddings_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return vectors: texts that share words are near each other."""
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        raise bad("`input` must be text, or a list of texts with at least one")
    data = []
    for index, text in enumerate(texts):
        vector: Any = vector_of(text)
        if body.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": vector})
    tokens = sum(len(tokens_of(text)) for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": EMBEDDER, "usage": usage}


def vector_of(text: str, size: int = 24) -> list[float]:
    """Return the sum of a random vector for each word, of length 1."""
    total = [0.0] * size
    for word in text.lower().split():
        draw = random.Random(hashlib.sha256(word.encode()).digest())
        total = [value + draw.gauss(0, 1) for value in total]
    length = math.sqrt(sum(value * value for value in total))
    return [value / length for value in total]


def mcp_response(x: Exchange, seam: Callable[[Any, Exchange], Any]) -> Response:
    """Return the answer of a server of the Model Context Protocol with two tools."""
    message = x.body
    if not isinstance(message, dict):
        error = {"code": -32700, "message": "the body is no JSON object"}
        return Response.of(seam({"jsonrpc": "2.0", "id": None, "error": error}, x), 400)
    if "id" not in message:
        return Response(202, {}, b"")
    head = {"jsonrpc": "2.0", "id": message["id"]}
    response = Response.of(seam({**head, **_mcp(message)}, x))
    if message.get("method") == "initialize":
        response.headers["mcp-session-id"] = f"session-{x.number}"
    return response


def _mcp(message: dict[str, Any]) -> dict[str, Any]:
    empty = {"type": "object", "properties": {}}
    tools = [
        {"name": "now", "description": "The time.", "inputSchema": empty, "annotations": {"readOnlyHint": True}},
        {"name": "write", "description": "Writes.", "inputSchema": {**empty, "required": ["text"]}},
    ]
    method, params = message.get("method"), message.get("params") or {}
    if method == "initialize":
        info = {"name": "healthy", "version": "1"}
        return {"result": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}}
    if method == "ping":
        return {"result": {}}
    if method == "tools/list":
        return {"result": {"tools": tools}}
    if method == "tools/call" and params.get("name") == "now":
        return {"result": {"content": [{"type": "text", "text": "12:00"}], "isError": False}}
    if method == "tools/call":
        return {"error": {"code": -32602, "message": "there is no such tool"}}
    return {"error": {"code": -32601, "message": "there is no such method"}}


class Server:
    """Serves a gateway on a loopback port.

    Args:
        gateway: who answers.
    """

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._seams = gateway.seams
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def end(self) -> None:
        """End what is still served."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; return whether another may come."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except asyncio.IncompleteReadError:
            return False
        method, path, _ = head[0].split(" ", 2)
        headers = {n.strip().lower(): v.strip() for n, _, v in (line.partition(":") for line in head[1:] if line)}
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        gateway = self.gateway
        if gateway.busy >= self._seams.slots:
            refusal = refusal_of(PATHS.get(path, ""), "rate_limit_error", "too many requests at once")
            response = Response.of(refusal, 429)
            response.headers |= {"retry-after": "1", "retry-after-ms": "20"}
            x = Exchange(0, method, path, headers, raw, PATHS.get(path, ""), None, gateway.state)
            return await self._send(writer, self._seams.response(response, x), x)
        gateway.busy += 1
        kept = False
        try:
            response, x = gateway.answer(method, path, headers, raw)
            return await self._send(writer, response, x)
        except (ConnectionError, asyncio.CancelledError):
            kept = self._seams.keeps_slots
            raise
        finally:
            gateway.busy -= not kept

    async def _send(self, writer: asyncio.StreamWriter, response: Response, x: Exchange) -> bool:
        headers = dict(response.headers)
        if response.events is not None:
            headers["transfer-encoding"] = "chunked"
        else:
            headers.setdefault("content-length", str(len(response.body)))
        if self._seams.closes:
            headers["connection"] = "close"
        lines = [f"HTTP/1.1 {response.status} X", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace") + response.body)
        if response.events is not None:
            async for frame in self._frames(response.events, x):
                writer.write(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        return headers.get("connection") != "close"

    async def _frames(self, events: list[Sent], x: Exchange) -> AsyncIterator[bytes]:
        """Yield the bytes of events; after the first few slowly, where there are many."""
        ready = b""
        for number, event in enumerate(events):
            text = event.data if isinstance(event.data, str) else json.dumps(event.data, ensure_ascii=False)
            name = f"event: {event.name}\n" if event.name else ""
            framed = self._seams.frame(f"{name}data: {text}\n\n".encode("utf-8", "surrogatepass"), x)
            if len(events) <= UNPACED:
                ready += framed
                continue
            yield framed
            if number > 2:
                await asyncio.sleep(self._seams.pace)
        if ready:
            yield ready


@contextlib.contextmanager
def running(seams: Seams | None = None) -> Iterator[tuple[str, Gateway]]:
    """Serve a gateway while the block lasts; yield its address and itself."""
    gateway = Gateway(seams)
    server = Server(gateway)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="gateway", daemon=True)
    thread.start()
    listener = asyncio.run_coroutine_threadsafe(asyncio.start_server(server.serve, "127.0.0.1", 0), loop).result()
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", gateway
    finally:

        async def end() -> None:
            listener.close()
            await server.end()

        asyncio.run_coroutine_threadsafe(end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
