"""The codex client as a library: synchronous and asynchronous calls say the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from mini_agent.core.errors import (
    BackendUnavailable,
    GatewayError,
    InvalidProviderResponse,
    ProviderTimeout,
    RateLimited,
)
from mini_agent.upstreams.codex.http import CodexCall, CodexHttp, RetryPolicy
from support.upstream import chunk, completion, finish_chunk, sse

CALL = CodexCall(base="http://codex.invalid/v1", body={"model": "codex/m", "messages": []}, api_key="k1")
EVENTS = [chunk({"content": "a"}), chunk({"content": "b"}), finish_chunk()]
WIRE = b"".join(sse(event) for event in EVENTS) + b"data: [DONE]\n\n"
Kind = Callable[[CodexHttp], Any]


def complete(http: CodexHttp) -> Any:
    """Ask synchronously."""
    return http.complete(CALL)


def acomplete(http: CodexHttp) -> Any:
    """Ask asynchronously."""
    return asyncio.run(http.acomplete(CALL))


def stream(http: CodexHttp) -> Any:
    """Stream synchronously."""
    return list(http.stream(CALL))


def astream(http: CodexHttp) -> Any:
    """Stream asynchronously."""

    async def collect() -> list[Any]:
        return [item async for item in http.astream(CALL)]

    return asyncio.run(collect())


class Agent:
    """Answers in turn with (status, body) or exceptions, and notes requests and waits."""

    def __init__(self, *turns: tuple[int, bytes] | Exception, retries: int = 2) -> None:
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []
        self._turns = list(turns)
        transport = httpx.MockTransport(self._handle)
        policy = RetryPolicy(max_retries=retries, seed=1)
        self.http = CodexHttp(
            policy, transport=transport, async_transport=transport, wait=self.waits.append, async_wait=self._await
        )

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        turn = self._turns.pop(0)
        if isinstance(turn, Exception):
            raise turn
        return httpx.Response(turn[0], content=turn[1])

    async def _await(self, seconds: float) -> None:
        self.waits.append(seconds)


PLAIN = [pytest.param(complete, id="sync"), pytest.param(acomplete, id="async")]
STREAMED = [pytest.param(stream, id="sync"), pytest.param(astream, id="async")]


@pytest.mark.parametrize("ask", PLAIN)
def test_plain_answer(ask: Kind) -> None:
    """Address, key, model and body are right; null content is empty text."""
    agent = Agent((200, json.dumps(completion(None)).encode()))
    assert ask(agent.http)["choices"][0]["message"]["content"] == ""
    (request,) = agent.requests
    assert str(request.url) == "http://codex.invalid/v1/chat/completions"
    assert (request.headers["authorization"], json.loads(request.content)["model"]) == ("Bearer k1", "m")


@pytest.mark.parametrize("ask", STREAMED)
def test_streamed_answer(ask: Kind) -> None:
    """All chunks arrive, and `stream` is asked for."""
    agent = Agent((200, WIRE))
    assert ask(agent.http) == EVENTS
    assert json.loads(agent.requests[0].content)["stream"] is True


@pytest.mark.parametrize("ask", [*PLAIN, *STREAMED])
def test_retries_before_the_first_byte(ask: Kind) -> None:
    """Connect failures, 429 and 5xx are asked again after growing waits; the third answer counts."""
    good = WIRE if ask in (stream, astream) else json.dumps(completion("x")).encode()
    agent = Agent(httpx.ConnectError("no"), (503, b""), (200, good))
    ask(agent.http)
    assert len(agent.requests) == 3
    assert agent.waits == list(RetryPolicy(max_retries=2, seed=1).waits_s())


@pytest.mark.parametrize("ask", [*PLAIN, *STREAMED])
@pytest.mark.parametrize(
    ("turns", "expected", "asked"),
    [
        ([httpx.ReadTimeout("slow")], ProviderTimeout, 1),
        ([httpx.ReadError("reset")], BackendUnavailable, 1),
        ([httpx.ConnectError("no")] * 3, BackendUnavailable, 3),
        ([(429, b"")] * 3, RateLimited, 3),
        ([(200, b"nonsense")], InvalidProviderResponse, 1),
    ],
)
def test_failures(ask: Kind, turns: list[Any], expected: type[GatewayError], asked: int) -> None:
    """Timeouts and resets are final, exhausted retries keep the last failure, nonsense is malformed."""
    agent = Agent(*turns)
    with pytest.raises(expected):
        ask(agent.http)
    assert len(agent.requests) == asked


@pytest.mark.parametrize("ask", STREAMED)
@pytest.mark.parametrize("content", [sse(EVENTS[0]), sse("[1]"), sse("{"), sse({"error": {"message": "no"}})])
def test_streams_that_are_broken(ask: Kind, content: bytes) -> None:
    """An early end, a non-object, broken JSON and an error event are failures."""
    with pytest.raises(GatewayError):
        ask(Agent((200, content)).http)
