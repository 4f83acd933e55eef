"""A provider that fails all the time: what clients get is what it did, and nothing is left behind.

`benchmarks/chaos.py` is the same at full size, against the command that users start.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from aiohttp import web

from mini_agent.app import Ports
from mini_agent.core.ports import SystemClock
from support.gateway import Stage
from support.http_client import Reply, events_of
from support.upstream import answer, chunk, finish_chunk, pieces, refuse, sse

REQUESTS, AT_ONCE = 120, 8


class NoWait(SystemClock):
    """A clock on which a wait takes one turn of the loop."""

    async def sleep(self, seconds: float) -> None:
        """Let the others go on."""
        await asyncio.sleep(0)


class Chaos:
    """12 % 429, 12 % 5xx, and 20 % of streams broken at a random place. refused, broken: what it did, by request id.

    Each attempt of each request has dice of its own, so that a seed means the same in whatever order they come.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.refused: Counter[str] = Counter()
        self.broken: set[str] = set()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer, fail or break."""
        request_id = request.headers["x-request-id"]
        dice = random.Random(f"{self._seed} {request_id} {self.refused[request_id]}")
        drawn = dice.random()
        if drawn < 0.24:
            self.refused[request_id] += 1
            return await refuse(429 if drawn < 0.12 else dice.choice([500, 502, 503, 504]))(request)
        if not (await request.json()).get("stream"):
            return await answer("whole")(request)
        return await self._stream(request, request_id, dice)

    async def _stream(self, request: web.Request, request_id: str, dice: random.Random) -> web.StreamResponse:
        events = [sse(chunk({"content": "token "})) for _ in range(10)]
        if dice.random() >= 0.2:
            return await pieces(*events, sse(finish_chunk()), sse("[DONE]"))(request)
        self.broken.add(request_id)
        place = dice.randrange(1, 10)
        kind = dice.choice(["reset", "within", "end", "empty"])
        last = {"within": events[0][:20], "empty": sse(finish_chunk(""))}.get(kind, b"")
        return await pieces(*events[:place], last, end="abort" if kind in ("reset", "within") else "eof")(request)


@pytest.mark.parametrize("seed", [1, 2])
def test_clients_are_told_what_the_provider_did(stage: Stage, seed: int) -> None:
    """A plain request fails after three refusals only, a stream looks broken exactly if it is, and nothing stays."""
    chaos = Chaos(seed)
    stage.upstream.script(chaos)
    entry = stage.entry()
    del entry["litellm_params"]["max_retries"]  # The default is what is looked at.
    # Fewer places than callers: one that is not given back would make the others wait in vain.
    gateway = stage.gateway(
        {"model_list": [entry]}, ports=replace(Ports(), clock=NoWait()), pool_connections=AT_ONCE // 2, pool_s=20.0
    )
    gateway.chat()
    before = stage.loop.run(tasks())

    def ask(number: int) -> tuple[str, Reply]:
        request_id = f"chaos-{number}"
        return request_id, gateway.chat(stream=number % 2 == 1, headers={"x-request-id": request_id})

    with ThreadPoolExecutor(AT_ONCE) as threads:
        replies = dict(threads.map(ask, range(REQUESTS)))
    begun = {name for name in replies if replies[name].headers["content-type"].startswith("text/event-stream")}
    for name, reply in replies.items():
        if name not in begun:
            wanted = 200 if chaos.refused[name] < 3 else reply.status
            assert reply.status == wanted or name in chaos.broken, (name, reply.body)
    told = {name for name in begun if any("error" in event for event in events_of(replies[name].body)[:-1])}
    assert told == chaos.broken & begun
    assert all(events_of(replies[name].body)[-1] == "[DONE]" for name in begun)
    plain = [reply.status for name, reply in replies.items() if int(name.rpartition("-")[2]) % 2 == 0]
    assert plain.count(200) / len(plain) >= 0.95
    assert gateway.metric("mini_agent_streams_in_flight") == 0
    assert stage.loop.run(tasks()) <= before


async def tasks() -> Counter[str]:
    """Returns: what runs on the loop besides connections, by name of its code."""
    for _ in range(5):
        await asyncio.sleep(0)
    names = (getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks())
    return Counter(name for name in names if "RequestHandler" not in name)
