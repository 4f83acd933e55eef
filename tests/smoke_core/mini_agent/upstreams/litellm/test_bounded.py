"""The bounds of what LiteLLM's httpx client reads; respx stands for the transport beneath."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
import respx

from mini_agent.net.bounded import AnswerTooLarge
from mini_agent.upstreams.litellm.bounded import BoundedTransport

LIMIT = 100
STREAM = {"content-type": "text/event-stream; charset=utf-8"}


def read(parts: list[bytes], headers: Mapping[str, str] | None = None) -> tuple[bytes, httpx.Request]:
    """Read an answer that comes in parts through a bounded transport. Returns: its body and the request."""

    async def body() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    async def main() -> tuple[bytes, httpx.Request]:
        router = respx.MockRouter(base_url="https://provider.test")
        route = router.get("/").mock(return_value=httpx.Response(200, headers=headers, content=body()))
        transport = BoundedTransport(httpx.MockTransport(router.async_handler), LIMIT)
        async with httpx.AsyncClient(transport=transport) as client:
            return (await client.get("https://provider.test/")).content, route.calls.last.request

    return asyncio.run(main())


def test_a_plain_answer_is_asked_for() -> None:
    """Nothing encoded is asked for, whatever the client above would take; an answer within the limit passes."""
    content, request = read([b"x" * 60, b"y" * 40])
    assert content == b"x" * 60 + b"y" * 40
    assert request.headers["accept-encoding"] == "identity"


def test_a_longer_answer_is_left() -> None:
    """One byte more than the limit, in however many parts."""
    with pytest.raises(AnswerTooLarge):
        read([b"x" * 60, b"y" * 41])


def test_a_stream_is_bounded_by_the_line() -> None:
    """A stream of events may be endless; a line of it that is longer than the limit may not."""
    lines = [b"data: " + b"x" * 80 + b"\n"] * 5
    assert read(lines, STREAM)[0] == b"".join(lines)
    with pytest.raises(AnswerTooLarge):
        read([b"data: ", b"x" * 95], STREAM)
    with pytest.raises(AnswerTooLarge):
        read([b"data: a\ndata: ", b"x" * 95], STREAM)


def test_an_encoded_answer_is_an_error() -> None:
    """Nobody had asked for it, and its size would be another one."""
    with pytest.raises(httpx.RemoteProtocolError, match="an encoded answer, for which nobody had asked"):
        read([b"x"], {"content-encoding": "gzip"})
