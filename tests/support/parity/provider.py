"""A provider and a memory service that do what the last user message says, and show what they saw.

Both modes of the gateway meet the same one, so its behaviour travels in the request: a message that is a JSON object is
an order (`status`, `raw`, `events`, ...), any other is answered with "hi there". What it saw is kept by the request id.

Run as a program it is a service of the nd lane; it prints its address.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from aiohttp import web

_Response = TypeVar("_Response", bound=web.StreamResponse)
#: What the memory service knows about everybody.
MEMORY = "The user's favourite colour is teal."


class Provider:
    """The application, and what it saw."""

    def __init__(self) -> None:
        self._seen: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._gone: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def app(self) -> web.Application:
        """Returns: the application."""
        app = web.Application(client_max_size=2**26)
        app.router.add_get("/ready", self._ready)
        app.router.add_get("/log/{id}", self._log)
        app.router.add_get("/gone/{id}", self._wait_gone)
        app.router.add_post("/v4/profile", self._profile)
        app.router.add_route("*", "/v1/{path:.*}", self._answer)
        return app

    async def _ready(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"ok": True})

    async def _log(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._seen.pop(request.match_info["id"], []))

    async def _wait_gone(self, request: web.Request) -> web.StreamResponse:
        """Answer once the client of that request has left."""
        await self._gone[request.match_info["id"]].wait()
        return web.json_response({"ok": True})

    async def _profile(self, request: web.Request) -> web.StreamResponse:
        await request.json()
        results = [{"content": MEMORY, "title": "colour"}]
        return _last(
            web.json_response({"profile": {"static": [], "dynamic": []}, "searchResults": {"results": results}})
        )

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            body = {}
        self._note(request, body)
        order = _order(body)
        name = request.headers.get("x-request-id", "")
        try:
            return _last(await _obey(request, body, order))
        except (asyncio.CancelledError, ConnectionResetError):
            self._gone[name].set()
            raise

    def _note(self, request: web.Request, body: Any) -> None:
        headers = {key.lower(): value for key, value in request.headers.items()}
        seen = {"method": request.method, "path": request.path_qs, "headers": headers, "body": body}
        self._seen[headers.get("x-request-id", "")].append(seen)


def _order(body: Mapping[str, Any]) -> dict[str, Any]:
    """Returns: what the last user message orders, empty for an ordinary one."""
    for message in reversed(body.get("messages") or []):
        if message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, list):
                content = next((part["text"] for part in content if part.get("type") == "text"), "")
            try:
                order = json.loads(content)
            except (TypeError, ValueError):
                return {}
            return order if isinstance(order, dict) else {}
    return {}


def _last(response: _Response) -> _Response:
    """Let a connection end with this answer. A request that is lost on one that served others would be repeated."""
    response.force_close()
    return response


async def _obey(request: web.Request, body: Mapping[str, Any], order: Mapping[str, Any]) -> web.StreamResponse:
    if order.get("hang"):
        await asyncio.Event().wait()
    if order.get("abort"):
        assert request.transport is not None
        request.transport.abort()
        await asyncio.Event().wait()
    if "status" in order:
        error = {"message": order.get("message", "no"), "type": "some_error", "code": order.get("code"), "param": None}
        return web.json_response({"error": error}, status=order["status"], headers=order.get("headers"))
    if "raw" in order:
        return web.Response(body=order["raw"].encode(), content_type="application/json")
    if body.get("stream"):
        return await _stream(request, body, order)
    if request.path.endswith("/embeddings"):
        data = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return web.json_response({"object": "list", "data": data, "model": "emb", "usage": usage})
    calls = order.get("tool_calls")
    message = {
        "role": "assistant",
        "content": None if calls else "hi there",
        **({"tool_calls": calls} if calls else {}),
    }
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    head = {"id": "cmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "up"}
    return web.json_response({**head, "choices": [choice], "usage": usage})


async def _stream(request: web.Request, body: Mapping[str, Any], order: Mapping[str, Any]) -> web.StreamResponse:
    response = _last(web.StreamResponse(headers={"content-type": "text/event-stream"}))
    await response.prepare(request)
    for event in order.get("events", _EVENTS):
        if event in ("abort", "hang", "end"):
            if event == "abort":
                assert request.transport is not None
                request.transport.abort()
            if event != "end":
                await asyncio.Event().wait()
            return response
        await response.write(b"data: " + json.dumps(event if "error" in event else _chunk(event)).encode() + b"\n\n")
    if (body.get("stream_options") or {}).get("include_usage"):
        usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
        await response.write(b"data: " + json.dumps({**_chunk({}), "choices": [], "usage": usage}).encode() + b"\n\n")
    await response.write(b"data: [DONE]\n\n")
    return response


#: Each is the delta of a chunk; `finish_reason` among its keys ends the answer.
_EVENTS: Sequence[Mapping[str, Any]] = (
    {"role": "assistant", "content": ""},
    {"content": "a"},
    {"content": "a"},
    {"finish_reason": "stop"},
)


def _chunk(delta: Mapping[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in delta.items() if key != "finish_reason"}
    choice = {"index": 0, "delta": rest, "finish_reason": delta.get("finish_reason")}
    return {"id": "cmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": [choice]}


async def _main() -> None:
    runner = web.AppRunner(Provider().app(), access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"provider listening on http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
