"""An external LiteLLM process on loopback, as LiteLLM 1.106.2 behaves; the nd lane meets the real one.

What was seen of the real process stands here: how it names errors, what it adds to answers, which orders of clients it
obeys, that it retries, and which headers it passes on.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
from aiohttp import web

_CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "APIError",
    404: "NotFoundError",
    422: "BadRequestError",
    429: "RateLimitError",
    503: "ServiceUnavailableError",
    504: "Timeout",
}
_BY_WORDS = {
    "maximum context length": "ContextWindowExceededError",
    "result of the safety system": "ContentPolicyViolationError",
}
_GENERIC = "litellm.InternalServerError: InternalServerError: OpenAIException - "
_IN_STREAM = "litellm.APIConnectionError: APIConnectionError: OpenAIException - "
_RETRIED = frozenset({408, 409, 429, 500, 503})
#: It obeys these in a body, whoever sends them.
_ORDERS = frozenset({"api_base", "api_key", "headers", "extra_headers", "custom_llm_provider"})
_OWN_KEYS = frozenset({"model", "api_key", "api_base", "extra_headers", "timeout", "max_retries"})


class _Refused(Exception):
    def __init__(self, status: int, message: str, kind: str | None = "invalid_request_error", **headers: str) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers
        self.body = {"error": {"message": message, "type": kind, "param": None, "code": str(status)}}


class LiteLLMProcess:
    """Serves the groups of a resolved configuration."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._general = config["general_settings"]
        self._groups = {entry["model_name"]: entry["litellm_params"] for entry in config["model_list"]}

    def app(self) -> web.Application:
        """Returns: the application."""
        app = web.Application(client_max_size=2**26, middlewares=[self._guarded])
        app.router.add_post("/v1/chat/completions", self._completion)
        app.router.add_post("/v1/embeddings", self._completion)
        app.router.add_get("/health/liveliness", self._alive)
        app.router.add_route("*", "/{path:.*}", self._missing)
        app.cleanup_ctx.append(self._client_of)
        return app

    async def _client_of(self, _app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as self._client:
            yield

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            if request.path != "/health/liveliness" and request.headers.getall("authorization", []) != [
                f"Bearer {self._general['master_key']}"
            ]:
                raise _Refused(400, "No connected db.", "no_db_connection")
            response: web.StreamResponse = await handler(request)
        except _Refused as refused:
            headers = {name.replace("_", "-"): value for name, value in refused.headers.items()}
            headers = {name.replace("llm-provider", "llm_provider"): value for name, value in headers.items()}
            return web.json_response(refused.body, status=refused.status, headers=headers)
        return response

    async def _alive(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response("I'm alive!")

    async def _missing(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/v1/embeddings":
            return web.json_response({"detail": "Method Not Allowed"}, status=405, headers={"allow": "POST"})
        return web.json_response({"detail": "Not Found"}, status=404)

    async def _completion(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        group = body.pop("model", "")
        if group not in self._groups:
            text = f"{request.path}: Invalid model name passed in model={group}. Call `/v1/models` to view"
            raise _Refused(400, text)
        left = int(request.headers.get("x-litellm-num-retries", "2"))
        while True:
            try:
                return await self._ask(request, group, body)
            except _Refused as refused:
                if not left or refused.status not in _RETRIED:
                    raise
                left -= 1

    async def _ask(self, request: web.Request, group: str, body: Mapping[str, Any]) -> web.StreamResponse:
        entry = self._groups[group]
        orders = {name: value for name, value in body.items() if name in _ORDERS}
        defaults = {name: value for name, value in entry.items() if name not in _OWN_KEYS}
        sent = {**defaults, **{name: value for name, value in body.items() if name not in _ORDERS}}
        base = orders.get("api_base", entry["api_base"])
        call = self._client.post(
            base + request.path.removeprefix("/v1"),
            json={"model": entry["model"].partition("/")[2], **sent},
            headers=self._headers(request, entry, orders),
            timeout=aiohttp.ClientTimeout(sock_read=entry.get("timeout")),
            allow_redirects=False,
        )
        advice = f"\n\nLiteLLM: model group '{group}' failed with the error above. No fallback was attempted."
        try:
            async with call as answer:
                if answer.status != 200:
                    raise await _refusal(answer, advice)
                head = {f"llm_provider-{name.lower()}": value for name, value in answer.headers.items()}
                head["x-litellm-model-group"] = group
                if answer.content_type == "text/event-stream":
                    return await _stream(request, answer, group, head)
                return _plain(await answer.read(), group, head)
        except TimeoutError:
            raise _Refused(408, f"litellm.Timeout: Timeout Error: OpenAIException - timed out.{advice}") from None
        except aiohttp.ClientError:
            raise _Refused(500, f"{_GENERIC}Connection error.{advice}") from None

    def _headers(self, request: web.Request, entry: Mapping[str, Any], orders: Mapping[str, Any]) -> dict[str, str]:
        names = {name.lower() for name in request.headers}
        passed = {name: request.headers[name] for name in names if name.startswith(("x-", "anthropic-beta"))}
        configured = {name.lower(): value for name, value in entry.get("extra_headers", {}).items()}
        ordered = {**orders.get("headers", {}), **orders.get("extra_headers", {})}
        key = orders.get("api_key", entry.get("api_key"))
        on = self._general.get("forward_client_headers_to_llm_api")
        return {"authorization": f"Bearer {key}", **(passed if on else {}), **configured, **ordered}


async def _refusal(answer: aiohttp.ClientResponse, advice: str) -> _Refused:
    text = (await answer.json()).get("error", {}).get("message", "")
    status = answer.status if answer.status >= 400 else 500
    name = next((cls for words, cls in _BY_WORDS.items() if words in text), None)
    name = name or _CLASSES.get(status, "InternalServerError")
    shown = "" if name == "BadRequestError" else "Timeout Error: " if name == "Timeout" else f"{name}: "
    after = answer.headers.get("retry-after")
    headers = {} if after is None else {"llm_provider_retry_after": after}
    return _Refused(status, f"litellm.{name}: {shown}OpenAIException - {text}{advice}", **headers)


def _plain(raw: bytes, group: str, head: Mapping[str, str]) -> web.StreamResponse:
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise _Refused(500, f"{_GENERIC}{error}") from None
    if not isinstance(body, dict):
        raise _Refused(500, f"{_GENERIC}Empty or invalid response from LLM endpoint. Received: {body}")
    if not isinstance(body.get("choices", body.get("data")), list):
        raise _Refused(500, f"{_GENERIC}litellm.APIError: LiteLLM: provider returned 'choices' that is not a list")
    own = {"set-cookie": "litellm=1; Path=/", "x-litellm-version": "1.106.2"}
    return web.json_response({**body, "model": group}, headers={**head, **own})


async def _stream(
    request: web.Request, answer: aiohttp.ClientResponse, group: str, head: Mapping[str, str]
) -> web.StreamResponse:
    events = _events(answer)
    first = await anext(events, None)
    if first is not None and "error" in first:
        raise _Refused(500, first["error"]["message"], None)
    own = {"content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no"}
    response = web.StreamResponse(headers={**head, **own})
    await response.prepare(request)
    finished, chunk = False, first
    while chunk is not None and "error" not in chunk:
        finished = finished or any(choice.get("finish_reason") for choice in chunk["choices"])
        await _write(response, {**chunk, "model": group})
        chunk = await anext(events, None)
    if chunk is not None:
        await _write(response, chunk)
        return response
    if not finished:
        closing = {"index": 0, "delta": {}, "finish_reason": "stop"}
        await _write(response, {"object": "chat.completion.chunk", "model": group, "choices": [closing]})
    await response.write(b"data: [DONE]\n\n")
    return response


async def _write(response: web.StreamResponse, event: Mapping[str, Any]) -> None:
    await response.write(b"data: " + json.dumps(event).encode() + b"\n\n")


async def _events(answer: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """Read the provider's chunks. Its failures become the events that LiteLLM makes of them."""
    try:
        async for line in answer.content:
            if line.startswith(b"data: {"):
                chunk = json.loads(line[6:])
                if "error" in chunk:
                    yield _failure(chunk["error"]["message"])
                    return
                yield chunk
    except TimeoutError:
        yield _failure("Timeout on reading data from socket")
    except aiohttp.ClientError:
        yield _failure("Response payload is not completed")


def _failure(message: str) -> dict[str, Any]:
    return {"error": {"message": _IN_STREAM + message, "type": None, "param": None, "code": "500"}}
