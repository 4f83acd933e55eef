"""Own time of an agent run with three tool calls to a loopback host.

Own time is the whole run minus the time inside the model and inside the tool host's handler. The host is another
process, so the way there and back, the HTTP client and the event loop all count as ours. Target: at most 3 ms.

Run: python benchmarks/agent_run.py [--runs 500]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from typing import Any

import aiohttp
from aiohttp import web

from mini_agent.agent import run
from mini_agent.agent.tool_values import function_spec
from mini_agent.agent.values import AgentConfig, ModelRequest
from mini_agent.tools.http import HttpInvoker

TARGET_MS = 3.0
CALLS = 3
USER = [{"role": "user", "content": "Look three things up."}]


class InstantModel:
    """Three answers with one tool call each, then text. spent_s: seconds inside the model."""

    def __init__(self) -> None:
        self.spent_s = 0.0
        self._turn = 0

    async def complete(self, _: ModelRequest) -> object:
        """Returns: the next answer."""
        started = time.perf_counter()
        self._turn += 1
        message: dict[str, Any] = {"role": "assistant", "content": "done"}
        if self._turn <= CALLS:
            function = {"name": "lookup", "arguments": json.dumps({"q": self._turn})}
            message = {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": f"c{self._turn}", "function": function}],
            }
        answer = {"choices": [{"index": 0, "message": message}]}
        self.spent_s += time.perf_counter() - started
        return answer


async def serve() -> None:
    """Be the tool host: print the address, answer until stdin ends. `GET /spent`: seconds inside handlers."""
    spent = 0.0

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal spent
        if request.path == "/spent":
            return web.json_response(spent)
        started = time.perf_counter()
        await request.read()
        listing = [function_spec("lookup", "Look up.", {"q": {"type": "integer"}}, ["q"])]
        response = web.json_response(listing if request.path == "/tools" else {"ok": True, "text": "found"})
        spent += time.perf_counter() - started
        return response

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


async def one_run(url: str) -> tuple[float, float]:
    """Returns: seconds of a whole run and seconds inside its model."""
    model = InstantModel()
    config = AgentConfig(model="bench", max_iterations=CALLS + 1, use_tools=True, max_total_seconds=30)
    started = time.perf_counter()
    tools = HttpInvoker(base_url=url, headers={"Authorization": "Bearer bench"})
    try:
        result = await run(config, USER, model, tools)
    finally:
        await tools.aclose()
    seconds = time.perf_counter() - started
    if result.final_answer != "done" or sum(len(turn.tool_invocations) for turn in result.iterations) != CALLS:
        raise SystemExit("the run did not do what is measured")
    return seconds, model.spent_s


async def measure(url: str, runs: int) -> None:
    """Print the numbers of `runs` runs, after a tenth as many to warm up."""

    async def spent() -> float:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/spent") as response:
            return float(await response.json())

    for _ in range(runs // 10 + 1):
        await one_run(url)
    before = await spent()
    samples = [await one_run(url) for _ in range(runs)]
    host_ms = (await spent() - before) * 1000 / runs
    own = sorted((total - model) * 1000 - host_ms for total, model in samples)
    total_ms = statistics.median(total for total, _ in samples) * 1000
    print(
        f"machine: {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {platform.system()}"
    )
    print(f"runs: {runs}, each 4 model calls, 1 listing and {CALLS} tool calls over HTTP, with a deadline")
    print(f"total {total_ms:.2f} ms, inside the tool host {host_ms:.2f} ms (medians, per run)")
    verdict = "met" if statistics.median(own) <= TARGET_MS else "MISSED"
    print(f"own time: median {statistics.median(own):.2f} ms, p95 {own[int(runs * 0.95)]:.2f} ms")
    print(f"target: at most {TARGET_MS:g} ms at the median: {verdict}")


def main() -> None:
    """Start the host in a process of its own, measure, stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--host", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.host:
        asyncio.run(serve())
        return
    host = [sys.executable, __file__, "--host"]
    with subprocess.Popen(host, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        asyncio.run(measure(process.stdout.readline().strip(), max(1, options.runs)))


if __name__ == "__main__":
    main()
