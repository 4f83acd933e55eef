"""Speed of the gateway, beside its peers, in one run on one machine.

One fixed upstream on loopback answers everything. Each server is one process, pinned to one core; upstream and load
generator share another. Targets take turns in every round, so that a slow moment of the machine hits them all; the
figure of a target is its median over the rounds.

direct        the load generator asks the upstream itself
pass-through  the smallest relay we can write on the same parts (uvicorn, aiohttp): no checks, no ids, no metrics
gateway       `mini-agent serve`, as installed, with its log at the default level
gateway-sdk   a second such process, a group that goes through LiteLLM
litellm       LiteLLM proxy, from an environment of its own
before        the gateway of another commit: `git worktree add ../before COMMIT`, then `--before ../before/src`

Run: python benchmarks/gateway.py [--litellm PATH-OF-ITS-litellm-COMMAND] [--before SRC] [--seconds 2] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHUNKS = 50
#: Of both gateways: the proxy does not start without one.
KEY = "sk-benchmark-0f1e2d3c4b5a69788796a5b4c3d2e1f0"
BASE = {"id": "c", "created": 1, "model": "m"}
PLAIN = json.dumps(
    {
        **BASE,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
).encode()


def _chunk(delta: dict[str, Any], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    event = json.dumps({**BASE, "object": "chat.completion.chunk", "choices": [choice]})
    data = f"data: {event}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(data), data)


WORD, LAST = _chunk({"content": "token "}, None), _chunk({}, "stop")
DONE = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
PLAIN_WIRE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(PLAIN), PLAIN)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Upstream(asyncio.Protocol):
    """The fixed provider: as little work per request as possible, one write per chunk."""

    def connection_made(self, transport: Any) -> None:
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            if len(self.buffer) < end + 4 + length:
                return
            self.path = head.split(b" ", 2)[1]
            body, self.buffer = self.buffer[end + 4 : end + 4 + length], self.buffer[end + 4 + length :]
            self.answer(b'"stream":true' in body.replace(b" ", b""))

    def answer(self, stream: bool) -> None:
        if not stream:
            self.transport.write(PLAIN_WIRE)
            return
        self.transport.write(STREAM_HEAD)
        for _ in range(CHUNKS - 1):
            self.transport.write(WORD)
        self.transport.write(LAST)
        self.transport.write(DONE)


class Caller(asyncio.Protocol):
    """One keep-alive connection of the load generator."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def ask(self, request: bytes) -> asyncio.Future[bytes]:
        self.buffer, self.answer = bytearray(), asyncio.get_running_loop().create_future()
        self.first = 0.0
        self.transport.write(request)
        return self.answer

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.first and b"token" in data:
            self.first = asyncio.get_running_loop().time()
        head, _, body = bytes(self.buffer).partition(b"\r\n\r\n") if len(self.buffer) < 4096 else (b"", b"", b"")
        length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        if (length and len(body) >= int(length)) or (not length and self.buffer.endswith(b"0\r\n\r\n")):
            self.answer.set_result(bytes(self.buffer))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc or ConnectionError("closed"))


@dataclass
class Figures:
    """What one measurement gives. latencies_ms: of every request. first_ms: until the first word of each."""

    per_second: float
    latencies_ms: list[float] = field(repr=False)
    first_ms: list[float] = field(repr=False)

    @property
    def median_ms(self) -> float:
        return statistics.median(self.latencies_ms)


async def load(port: int, model: str, concurrency: int, stream: bool, seconds: float) -> Figures:
    """Ask for `seconds` with `concurrency` connections. Returns: the figures; a wrong answer ends the benchmark."""
    message = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    body = json.dumps({**message, "stream": True} if stream else message).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer %s\r\n" % KEY.encode()
    request = head + b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    return await drive(port, request, b"[DONE]" if stream else b'"finish_reason"', concurrency, seconds)


async def drive(port: int, request: bytes, whole: bytes, concurrency: int, seconds: float) -> Figures:
    """Send a request again and again. whole: what is in every right answer. Returns: the figures."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    firsts: list[float] = []
    stop = loop.time() + seconds

    async def worker() -> None:
        _, caller = await loop.create_connection(Caller, "127.0.0.1", port)
        while (started := loop.time()) < stop:
            answer = await caller.ask(request)
            latencies.append((loop.time() - started) * 1000)
            firsts.append((caller.first - started) * 1000)
            if not answer.startswith(b"HTTP/1.1 200") or whole not in answer:
                raise SystemExit(f"wrong answer on port {port}: {answer[:300]!r}")
        caller.transport.close()

    began = loop.time()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return Figures(len(latencies) / (loop.time() - began), latencies, firsts)


def passthrough_app(base: str) -> Any:
    """The smallest relay: read the body, post it, relay status and bytes as they come."""
    import aiohttp

    sessions: list[aiohttp.ClientSession] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
            return
        if not sessions:
            sessions.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        async with sessions[0].post(f"{base}/chat/completions", data=body) as answer:
            kind = answer.headers["content-type"].encode()
            headers = [(b"content-type", kind)]
            start = {"type": "http.response.start", "status": answer.status, "headers": headers}
            if kind == b"application/json":
                raw = await answer.read()
                headers.append((b"content-length", str(len(raw)).encode()))
                await send(start)
                await send({"type": "http.response.body", "body": raw})
                return
            await send(start)
            async for data in answer.content.iter_any():
                await send({"type": "http.response.body", "body": data, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    return app


def serve(role: str, port: int, base: str) -> None:
    """Be one of the helper servers until killed."""
    if role == "upstream":

        async def main() -> None:
            server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=1024)
            await server.serve_forever()

        asyncio.run(main())
    else:
        import uvicorn

        uvicorn.run(passthrough_app(base), port=port, log_level="error", access_log=False)


@dataclass
class Server:
    """A started server. ready_s: from start to the first answer."""

    process: subprocess.Popen[bytes]
    port: int
    ready_s: float

    def cpu_s(self) -> float:
        """Returns: seconds of processor that it has used, which tell its cost on a busy machine, too."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Returns: resident memory in MB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def free_port() -> int:
    """Returns: a port that is free now."""
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def start(
    stack: ExitStack, command: list[str], port: int, probe: str, core: int, folder: str, source: str = ""
) -> Server:
    """Start a server on a core and wait for its first answer. source: of another commit. Returns: it, until the end."""
    environ = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    if source:
        environ["PYTHONPATH"] = source
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # It makes every import slow, and is no habit of real machines.
    began = time.monotonic()
    with Path(folder, f"log-{port}").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environ, start_new_session=True)
    os.sched_setaffinity(process.pid, {core})

    def stop() -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    stack.callback(stop)
    while process.poll() is None and time.monotonic() - began < 90:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{probe}", timeout=1):
                return Server(process, port, time.monotonic() - began)
        except urllib.error.HTTPError:
            return Server(process, port, time.monotonic() - began)
        except OSError:
            time.sleep(0.005)
    raise SystemExit(f"{command[:3]} does not answer: {Path(folder, f'log-{port}').read_text()[-1000:]}")


def configuration(folder: str, upstream: str) -> str:
    """Write one file that both gateways read. Returns: its path."""
    params = {"model": "openai/m", "api_key": "sk-bench", "api_base": upstream}
    groups = [
        {"model_name": "fast", "litellm_params": params},
        {"model_name": "sdk", "litellm_params": params, "model_info": {"transport": "sdk"}},
    ]
    path = Path(folder, "config.yaml")
    path.write_text(json.dumps({"model_list": groups, "general_settings": {"master_key": KEY}}), encoding="utf-8")
    return str(path)


def start_all(stack: ExitStack, folder: str, litellm: str | None, before: str | None) -> dict[str, tuple[Server, str]]:
    """Start every server. Returns: target name to server and model."""
    cores = sorted(os.sched_getaffinity(0))
    load_core, server_core = cores[0], cores[-1]
    os.sched_setaffinity(0, {load_core})
    me, up, relay, ours = [sys.executable, __file__], free_port(), free_port(), free_port()
    base = f"http://127.0.0.1:{up}/v1"
    upstream = start(stack, [*me, "--role", "upstream", "--port", str(up)], up, "/", load_core, folder)
    config = configuration(folder, base)
    command = [*me, "--role", "passthrough", "--port", str(relay), "--base", base]
    passthrough = start(stack, command, relay, "/", server_core, folder)
    command = [sys.executable, "-m", "mini_agent", "serve", "--port", str(ours), "--config", config]
    gateway = start(stack, command, ours, "/ready", server_core, folder)
    targets = {
        "direct": (upstream, "fast"),
        "pass-through": (passthrough, "fast"),
        "gateway": (gateway, "fast"),
    }
    if before:
        port = free_port()
        command = [sys.executable, "-m", "mini_agent", "serve", "--port", str(port), "--config", config]
        targets["before"] = (start(stack, command, port, "/ready", server_core, folder, before), "fast")
    if litellm:
        port = free_port()
        command = [litellm, "--config", config, "--host", "127.0.0.1", "--port", str(port)]
        targets["litellm"] = (start(stack, command, port, "/health/liveliness", server_core, folder), "fast")
        # A process of its own: LiteLLM's objects would slow the collector of the one that is measured without it.
        other = free_port()
        command = [sys.executable, "-m", "mini_agent", "serve", "--port", str(other), "--config", config]
        targets["gateway-sdk"] = (start(stack, command, other, "/ready", server_core, folder), "sdk")
    return targets


def measure(targets: dict[str, tuple[Server, str]], seconds: float, rounds: int) -> dict[str, dict[str, float]]:
    """Measure all targets in turn. Returns: per target the medians over the rounds."""
    samples: dict[str, dict[str, list[float]]] = {name: {} for name in targets}
    for turn in range(rounds + 1):
        for name, (server, model) in targets.items():
            for kind, stream in (("plain", False), ("stream", True)):
                for concurrency in (1, 32):
                    span = seconds if turn else min(seconds, 0.5)  # Round 0 warms everything up and does not count.
                    figures = asyncio.run(load(server.port, model, concurrency, stream, span))
                    if turn:
                        found = samples[name]
                        found.setdefault(f"{kind} {concurrency} /s", []).append(figures.per_second)
                        found.setdefault(f"{kind} {concurrency} ms", []).append(figures.median_ms)
    return {name: {key: statistics.median(values) for key, values in found.items()} for name, found in samples.items()}


def report(results: dict[str, dict[str, float]], targets: dict[str, tuple[Server, str]], memory: list[float]) -> None:
    """Print the table and the comparison with the targets of the issue."""
    print(f"{platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores")
    columns = ["plain 1 ms", "plain 32 /s", "stream 1 ms", "stream 32 /s"]
    print(f"{'':14}" + "".join(f"{column:>14}" for column in columns) + f"{'MB now':>10}{'ready s':>10}")
    for name, found in results.items():
        server = targets[name][0]
        cells = "".join(f"{found[column]:14.2f}" if "ms" in column else f"{found[column]:14.0f}" for column in columns)
        print(f"{name:14}{cells}{server.memory_mb():10.0f}{server.ready_s:10.2f}")
    ours, relay, direct = results["gateway"], results["pass-through"], results["direct"]
    goals = [
        ("requests/s ÷ pass-through", ours["plain 32 /s"] / relay["plain 32 /s"], ">=", 0.7),
        ("streams/s ÷ pass-through", ours["stream 32 /s"] / relay["stream 32 /s"], ">=", 0.7),
        ("added median, plain, ms", ours["plain 1 ms"] - direct["plain 1 ms"], "<=", 1.0),
        ("added median, stream, ms", ours["stream 1 ms"] - direct["stream 1 ms"], "<=", 1.0),
        ("ready, s", targets["gateway"][0].ready_s, "<=", 1.0),
        ("memory before LiteLLM, MB", memory[0], "<=", 100),
        ("memory growth over 30,000 requests, MB", memory[1] - memory[0], "<=", 2),
    ]
    if "litellm" in results:
        peer, routed = results["litellm"], results["gateway-sdk"]
        goals += [
            ("requests/s ÷ LiteLLM proxy", ours["plain 32 /s"] / peer["plain 32 /s"], ">=", 20),
            ("streams/s ÷ LiteLLM proxy", ours["stream 32 /s"] / peer["stream 32 /s"], ">=", 30),
            ("LiteLLM-routed requests/s ÷ proxy", routed["plain 32 /s"] / peer["plain 32 /s"], ">=", 1.5),
            ("LiteLLM-routed streams/s ÷ proxy", routed["stream 32 /s"] / peer["stream 32 /s"], ">=", 1.5),
        ]
    if "before" in results:
        old = results["before"]
        goals += [
            ("requests/s ÷ before", ours["plain 32 /s"] / old["plain 32 /s"], ">=", 0.95),
            ("streams/s ÷ before", ours["stream 32 /s"] / old["stream 32 /s"], ">=", 0.95),
        ]
    for text, value, sign, goal in goals:
        met = value >= goal if sign == ">=" else value <= goal
        print(f"{'ok  ' if met else 'MISS'} {text}: {value:.2f} (goal {sign} {goal:g})")


def memory_of(server: Server) -> list[float]:
    """Returns: the gateway's memory in MB after 2,000 requests, and after 30,000 more."""
    memory = []
    for count in (2_000, 30_000):
        done = 0
        while done < count:
            done += len(asyncio.run(load(server.port, "fast", 32, False, 0.5)).latencies_ms)
        memory.append(server.memory_mb())
    return memory


def main() -> None:
    """Run the benchmark, or one of its helper servers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--litellm", help="the `litellm` command of an environment with litellm[proxy]==1.106.2")
    parser.add_argument("--before", metavar="SRC", help="the `src` folder of another commit, absolute")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--role", choices=("upstream", "passthrough"), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--base", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        serve(options.role, options.port, options.base)
        return
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        targets = start_all(stack, folder, options.litellm, options.before)
        memory = memory_of(targets["gateway"][0])
        report(measure(targets, options.seconds, options.rounds), targets, memory)


if __name__ == "__main__":
    main()
