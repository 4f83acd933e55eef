"""What a translation costs: every dialect of callers in front of every dialect of providers, plain and streamed.

One provider on loopback answers in all three dialects, with the same words. Beside each translated pair stand the equal
pair of the same caller, whose bytes pass, and the provider asked directly in its own dialect; beside those that it
translates, too, the LiteLLM proxy. Servers, cores and turns are those of `gateway.py`. `core µs` is what one request of
32 at once takes of the server's processor: on a busy machine the other figures say more about its other work.

Run: python benchmarks/dialects.py [--litellm PATH-OF-ITS-litellm-COMMAND] [--seconds 1] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from gateway import CHUNKS, KEY, Figures, Server, Upstream, drive, free_port, start

from support.dialect_scripts import DIALECTS, PATHS, Script, Words, wire

CHAT, MESSAGES, RESPONSES = DIALECTS
SHORT = {CHAT: "chat", MESSAGES: "messages", RESPONSES: "responses"}
PATH = {dialect: path for path, dialect in PATHS.items()}
#: A stream says as many pieces as that of `gateway.py`.
SAYS = Script((Words("token " * CHUNKS),), cut=len("token "))
WHOLE = {CHAT: b"[DONE]", MESSAGES: b"message_stop", RESPONSES: b"response.completed"}
PREFIX = {CHAT: "openai", MESSAGES: "anthropic", RESPONSES: "openai_responses"}
#: What LiteLLM's proxy translates by itself: caller and provider.
PEERS = ((CHAT, MESSAGES), (MESSAGES, CHAT))
Pair = tuple[str, str]


def _plain(dialect: str) -> bytes:
    body = json.dumps(SAYS.body(dialect)).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


def _chunks(dialect: str) -> list[bytes]:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    events = wire(dialect, SAYS.events(dialect)).split(b"\n\n")[:-1]
    return [head, *(b"%x\r\n%s\n\n\r\n" % (len(event) + 2, event) for event in events), b"0\r\n\r\n"]


ANSWERS = {path.encode(): (_plain(dialect), _chunks(dialect)) for path, dialect in PATHS.items()}


class Provider(Upstream):
    """Answers in the dialect of the path, one write per event."""

    def answer(self, stream: bool) -> None:
        """Answer the request whose head came last; anything else is a look whether it is there."""
        plain, pieces = ANSWERS.get(self.path.partition(b"?")[0], ANSWERS[b"/v1/messages"])
        for piece in pieces if stream else [plain]:
            self.transport.write(piece)


def request(caller: str, model: str, *, stream: bool) -> bytes:
    """Return a request in a dialect, as it stands on the wire."""
    turn = {"role": "user", "content": "hi"}
    body: dict[str, Any] = {"model": model, "input" if caller == RESPONSES else "messages": [turn], "stream": stream}
    if caller == MESSAGES:
        body["max_tokens"] = 1000
    if caller == RESPONSES:
        body["store"] = False
    raw = json.dumps(body).encode()
    head = f"POST {PATH[caller]} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\nx-api-key: {KEY}\r\n"
    return b"%scontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (head.encode(), len(raw), raw)


def configuration(folder: str, base: str) -> str:
    """Write one file that both gateways read: a group for each dialect of providers. Returns: its path."""
    groups = [
        {
            "model_name": dialect,
            # LiteLLM adds Anthropic's path itself, and so do its clients.
            "litellm_params": {
                "model": f"{PREFIX[dialect]}/m",
                "api_key": "sk-bench",
                "api_base": base if dialect == MESSAGES else f"{base}/v1",
            },
        }
        for dialect in DIALECTS
    ]
    path = Path(folder, "config.yaml")
    path.write_text(json.dumps({"model_list": groups, "general_settings": {"master_key": KEY}}), encoding="utf-8")
    return str(path)


def measure(server: Server, caller: str, provider: str, seconds: float) -> dict[str, float]:
    """Measure a pair once. Returns: medians in ms with one connection; streams per second and its core with 32."""

    def run(concurrency: int, *, stream: bool) -> tuple[Figures, float]:
        whole, before = WHOLE[caller] if stream else b"token", server.cpu_s()
        sent = request(caller, provider, stream=stream)
        figures = asyncio.run(drive(server.port, sent, whole, concurrency, seconds))
        return figures, (server.cpu_s() - before) * 1e6 / len(figures.latencies_ms)

    many, stream_us = run(32, stream=True)
    return {
        "plain ms": run(1, stream=False)[0].median_ms,
        "first ms": statistics.median(run(1, stream=True)[0].first_ms),
        "streams /s": many.per_second,
        "plain core µs": run(32, stream=False)[1],
        "stream core µs": stream_us,
    }


def report(found: Mapping[tuple[str, Pair], Mapping[str, float]]) -> None:
    """Print the table, and each figure beside its goal."""
    print(f"{'':34}" + "".join(f"{name:>16}" for name in next(iter(found.values()))))
    for (server, (caller, provider)), row in found.items():
        name = f"{server:8} {SHORT[caller]} -> {SHORT[provider]}"
        print(f"{name:34}" + "".join(f"{row[key]:16.2f}" if "ms" in key else f"{row[key]:16.0f}" for key in row))
    for (server, pair), row in found.items():
        caller, provider = pair
        if server != "gateway" or caller == provider:
            continue
        direct, equal = found["direct", (provider, provider)], found["gateway", (caller, caller)]
        goals = [
            ("added, plain, ms", row["plain ms"] - direct["plain ms"], "<=", 1.0),
            ("added, first token, ms", row["first ms"] - direct["first ms"], "<=", 1.0),
            ("streams/s ÷ equal pair", row["streams /s"] / equal["streams /s"], ">=", 0.6),
            ("the same by its core", equal["stream core µs"] / row["stream core µs"], ">=", 0.6),
        ]
        if ("litellm", pair) in found:
            peer = found["litellm", pair]
            goals.append(("streams/s ÷ LiteLLM proxy", row["streams /s"] / peer["streams /s"], ">=", 20))
        for text, value, sign, goal in goals:
            met = value >= goal if sign == ">=" else value <= goal
            name = f"{SHORT[caller]} -> {SHORT[provider]}"
            print(f"{'ok  ' if met else 'MISS'} {name}: {text}: {value:.2f} (goal {sign} {goal:g})")


def main() -> None:
    """Run the benchmark, or its provider."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--litellm", help="the `litellm` command of an environment with litellm[proxy]==1.106.2")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--role", choices=("upstream",), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        asyncio.run(serve(options.port))
        return
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        report(measure_all(start_all(stack, folder, options.litellm), options.seconds, options.rounds))


async def serve(port: int) -> None:
    """Be the provider until killed."""
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


def start_all(stack: ExitStack, folder: str, litellm: str | None) -> dict[str, Server]:
    """Start every server. Returns: them by name."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    up, ours, theirs = free_port(), free_port(), free_port()
    command = [sys.executable, __file__, "--role", "upstream", "--port", str(up)]
    direct = start(stack, command, up, "/", cores[0], folder)
    config = configuration(folder, f"http://127.0.0.1:{up}")
    command = [sys.executable, "-m", "mini_agent", "serve", "--port", str(ours), "--config", config]
    servers = {"direct": direct, "gateway": start(stack, command, ours, "/ready", cores[-1], folder)}
    if litellm is None:
        return servers
    command = [litellm, "--config", config, "--host", "127.0.0.1", "--port", str(theirs)]
    peer = start(stack, command, theirs, "/health/liveliness", cores[-1], folder)
    return {**servers, "litellm": peer}


def measure_all(servers: Mapping[str, Server], seconds: float, rounds: int) -> dict[tuple[str, Pair], dict[str, float]]:
    """Measure every pair of every server in turn. Returns: the medians over the rounds."""
    pairs = {"direct": [(one, one) for one in DIALECTS], "litellm": list(PEERS)}
    pairs["gateway"] = [(caller, provider) for caller in DIALECTS for provider in DIALECTS]
    samples: dict[tuple[str, Pair], list[dict[str, float]]] = {}
    for turn in range(rounds + 1):
        for name, server in servers.items():
            for pair in pairs[name]:
                span = seconds if turn else min(seconds, 0.3)  # Round 0 warms everything up and does not count.
                row = measure(server, *pair, span)
                if turn:
                    samples.setdefault((name, pair), []).append(row)
    return {
        key: {word: statistics.median(row[word] for row in rows) for word in rows[0]} for key, rows in samples.items()
    }


if __name__ == "__main__":
    main()
