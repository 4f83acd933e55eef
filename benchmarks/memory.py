"""What memory costs a request, apart from the memory service's own time.

detection      finding the user with 50 header patterns: none matches, the last matches, the same client again
routing        the whole caller of a request and the headers for its provider, with the same 50 patterns
retrieval      asking a service on loopback and putting its answer into the messages, beside the same request made with
               a bare aiohttp client: the difference is our own time. And without network, with a retriever that answers
               at once
tools          whether a request gets tools of the gateway, where it gets none

Bounds: 50 microseconds for detection and routing together, 1 millisecond for retrieval.

Run: python benchmarks/memory.py [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import logging
import platform
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import aiohttp
from aiohttp import web

from mini_agent.core.chat import Caller, ModelTarget, ProviderRequest
from mini_agent.core.ports import SystemClock
from mini_agent.edge.exchange import Exchange
from mini_agent.memory.detect import UserDetector
from mini_agent.memory.headers import provider_headers
from mini_agent.memory.recall import Recall
from mini_agent.memory.supermemory import open_supermemory
from mini_agent.memory.values import Lookup, Memory
from mini_agent.net.sessions import Sessions
from mini_agent.pipeline.caller import Callers
from mini_agent.settings import Settings
from mini_agent.settings.schema import ContextRetrieval, GatewayConfig, UserIdMappings
from mini_agent.tools.chat_tools import ChatTools

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
#: Half are alternatives, and half of those have nothing plain to look for.
WORDS = [rf"client-{n}/(\d+\.\d+)" for n in range(25)] + [f"app{n}|tool{n} [0-9]" for n in range(13)]
WORDS += [rf"(a|b){n}\d" for n in range(11)] + [r"client-49/(\d+\.\d+)"]
PATTERNS = [{"header": "user-agent", "pattern": word, "user_id": f"u{n}"} for n, word in enumerate(WORDS)]
MAPPINGS = UserIdMappings.model_validate({"header_patterns": PATTERNS})
FOUND = {"results": [{"title": f"t{n}", "content": "words that were remembered " * 15} for n in range(5)]}
TARGET = ModelTarget(model="m1", client="openai_http", provider="openai", name="m", extra_headers={"X-Team": "blue"})
MESSAGES = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "what do I drink? " * 20}]


def headers(agent: str) -> dict[bytes, bytes]:
    """Return the headers of a usual client."""
    usual = {"host": "127.0.0.1", "accept": "*/*", "content-type": "application/json", "authorization": "Bearer x"}
    return {name.encode(): value.encode() for name, value in {**usual, "user-agent": agent}.items()}


def agents() -> Iterator[dict[bytes, bytes]]:
    """Return clients that were never seen before."""
    return (headers(f"{AGENT} {number}") for number in itertools.count())


def microseconds(times: int, work: Callable[[], Any]) -> float:
    """Return the median over five rounds of the time of one call."""
    rounds = []
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(times):
            work()
        rounds.append((time.perf_counter() - started) / times * 1e6)
    return statistics.median(rounds)


def cpu_rows(times: int) -> Iterator[tuple[str, float, float]]:
    """Yield (what, microseconds, bound) of everything that needs no network."""
    detector, settings = UserDetector(MAPPINGS), Settings(config=GatewayConfig(user_id_mappings=MAPPINGS))
    fresh, known, last = agents(), headers(AGENT), headers("client-49/1.0")
    made = iter([next(fresh) for _ in range(6 * times)])
    yield "detection, new client, none of 50 matches", microseconds(times, lambda: detector.detect(next(made))), 50
    yield "detection, known client, none matches", microseconds(times, lambda: detector.detect(known)), 50
    yield "detection, known client, the last matches", microseconds(times, lambda: detector.detect(last)), 50
    callers = Callers(settings)
    routed = iter([Exchange(request_id="r", headers=next(fresh)) for _ in range(6 * times)])

    def route() -> dict[str, str]:
        caller = callers.of(next(routed), 1)
        return provider_headers(ProviderRequest(target=TARGET, body={}, caller=caller))

    yield "detection and routing, new client", microseconds(times, route), 50
    tools = ChatTools(settings, Sessions(SystemClock()), lambda _: None)
    request = ProviderRequest(target=TARGET, body={"messages": MESSAGES}, caller=Caller(request_id="r", user_id="ada"))
    yield "deciding about tools, none", microseconds(times, lambda: tools.of(request)), 50


class AtOnce:
    """A retriever without a network."""

    async def search(self, _lookup: Lookup) -> Sequence[Memory]:
        """Answer."""
        return [Memory(text=item["content"], title=item["title"]) for item in FOUND["results"]]


async def median_us(times: int, work: Callable[[], Awaitable[Any]]) -> float:
    """Return the median time of one await."""
    samples = []
    for _ in range(times):
        started = time.perf_counter()
        await work()
        samples.append((time.perf_counter() - started) * 1e6)
    return statistics.median(samples)


async def retrieval_rows(times: int) -> list[tuple[str, float, float]]:
    """Return the rows that need a memory service on loopback."""

    async def serve(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=json.dumps(FOUND).encode(), content_type="application/json")

    app = web.Application()
    app.router.add_post("/v4/profile", serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    options, log = ContextRetrieval(enabled=True, api_key="k", base_url=base), logging.Logger("benchmark")
    sessions = Sessions(SystemClock())
    over_network = Recall(options, open_supermemory(options, sessions), SystemClock(), log)
    alone = Recall(options, AtOnce(), SystemClock(), log)
    caller = Caller(request_id="r", user_id="ada")

    async def ask(recall: Recall) -> None:
        inject = await recall.injection(caller, TARGET, MESSAGES)
        assert inject is not None
        inject(MESSAGES)

    async with aiohttp.ClientSession() as bare:

        async def direct() -> None:
            async with bare.post(f"{base}/v4/profile", json={"q": "x", "containerTag": "c", "limit": 5}) as answer:
                await answer.read()

        for work in (direct, lambda: ask(over_network)):
            await median_us(times // 10, work)
        ours, theirs = [], []
        for _ in range(10):
            theirs.append(await median_us(times // 10, direct))
            ours.append(await median_us(times // 10, lambda: ask(over_network)))
    own = await median_us(times, lambda: ask(alone))
    await sessions.aclose()
    await runner.cleanup()
    service, whole = statistics.median(theirs), statistics.median(ours)
    return [
        ("the memory service itself, a bare client", service, 0),
        ("retrieval over the network, as a whole", whole, 0),
        ("retrieval, our own time", max(0.0, whole - service), 1000),
        ("retrieval without network", own, 1000),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the calls")
    times = 500 if parser.parse_args().quick else 5000
    rows = [*cpu_rows(times), *asyncio.run(retrieval_rows(times))]
    print(f"{platform.machine()}, Python {platform.python_version()}, microseconds, medians\n")
    for what, found, bound in rows:
        share = f"{found / bound:6.1%} of {bound:g}" if bound else ""
        print(f"{what:45} {found:10.1f}   {share}")


if __name__ == "__main__":
    main()
