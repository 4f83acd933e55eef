"""What clients see of a provider that fails all the time, and what is left in the gateway afterwards.

A provider on loopback answers 12 % of what it is asked with 429 and 12 % with 500, 502, 503 or 504, and breaks 20 % of
its streams at a random place, in a random way: reset, chunks without their last, an end without a finish reason, an
empty one. 1,000 requests go through `mini-agent serve`, 16 at a time, half of them streams; the provider says
afterwards which streams it broke.

`--faults request`: a request meets at most one refusal, as with a provider that is overloaded for a moment.
`--faults attempt`: every attempt meets one alike, retries too. Then two retries save 1 - 0.24³ = 98.6 %, and no more.

Run: python benchmarks/chaos.py [--faults request] [--requests 1000] [--concurrency 16] [--seed 1] [--retries N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WORDS = 20
PATIENCE_S = 60.0
BREAKS = ("reset", "cut", "no reason", "empty reason")


def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    """Returns: one chunk of a stream, in its transfer coding."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    data = f"data: {json.dumps({'id': 'c', 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(data), data)


@dataclass
class Luck:
    """What all connections share. once: whether a request is refused at most once.

    broken: by request id, how a stream ended. asked: attempts by request id.
    """

    dice: random.Random
    once: bool
    broken: dict[str, str] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)


class Provider(asyncio.Protocol):
    """Answers, fails and breaks by the dice."""

    def __init__(self, luck: Luck) -> None:
        self.luck = luck

    def connection_made(self, transport: Any) -> None:
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].decode("latin-1")
            fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            size = end + 4 + int(fields.get("content-length", 0))
            if len(self.buffer) < size:
                return
            body, self.buffer = self.buffer[end + 4 : size], self.buffer[size:]
            if head.startswith("GET /report"):
                self.plain(200, {"broken": self.luck.broken, "asked": self.luck.asked})
            else:
                self.answer(fields.get("x-request-id", ""), b'"stream":true' in body)

    def plain(self, status: int, body: Any) -> None:
        raw = json.dumps(body).encode()
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(raw)}\r\n\r\n"
        self.transport.write(head.encode() + raw)

    def answer(self, request_id: str, stream: bool) -> None:
        self.luck.asked[request_id] += 1
        drawn = self.luck.dice.random()
        if drawn < 0.24 and not (self.luck.once and self.luck.asked[request_id] > 1):
            status = 429 if drawn < 0.12 else self.luck.dice.choice([500, 502, 503, 504])
            self.plain(status, {"error": {"message": "chaos", "code": "chaos"}})
        elif stream:
            self.stream(request_id)
        else:
            message = {"role": "assistant", "content": "hi"}
            self.plain(200, {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    def stream(self, request_id: str) -> None:
        how = self.luck.dice.choice(BREAKS) if self.luck.dice.random() < 0.2 else ""
        parts = [event({"content": "token "}) for _ in range(WORDS)]
        whole = b"".join([*parts, event({}, "stop"), b"e\r\ndata: [DONE]\n\n\r\n", b"0\r\n\r\n"])
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        if not how:
            self.transport.write(whole)
            return
        self.luck.broken[request_id] = how
        place = self.luck.dice.randrange(1, WORDS)
        if how in ("reset", "cut"):
            sent = b"".join(parts[:place])
            self.transport.write(sent[: -self.luck.dice.randrange(1, len(parts[0]))])
            loop = asyncio.get_running_loop()
            loop.call_later(0.002, self.transport.abort if how == "reset" else self.transport.close)
        else:
            ending = event({}, "") if how == "empty reason" else b""
            self.transport.write(b"".join([*parts[:place], ending, b"0\r\n\r\n"]))


def serve(port: int, seed: int, once: bool) -> None:
    """Be the provider until killed. once: whether a request is refused at most once."""
    luck = Luck(random.Random(seed), once)

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: Provider(luck), "127.0.0.1", port, backlog=1024)
        await server.serve_forever()

    asyncio.run(main())


async def ask(port: int, number: int) -> tuple[str, bool, int, bytes]:
    """Ask once over a connection of its own. Returns: request id, whether it is a stream, status and body."""
    request_id, stream = f"chaos-{number}", number % 2 == 1
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": stream}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\nx-request-id: {request_id}\r\n"
    )
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + body)
        raw = await reader.read()
        writer.close()
    answer_head, _, rest = raw.partition(b"\r\n\r\n")
    return request_id, stream, int(answer_head.split()[1]), rest


async def load(port: int, requests: int, concurrency: int) -> list[tuple[str, bool, int, bytes]]:
    """Ask them all. Returns: the answers; one that hangs ends the benchmark."""
    places = asyncio.Semaphore(concurrency)

    async def one(number: int) -> tuple[str, bool, int, bytes]:
        async with places:
            return await ask(port, number)

    return await asyncio.gather(*(one(number) for number in range(requests)))


def free_port() -> int:
    """Returns: a port that is free now."""
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def start(stack: ExitStack, command: list[str], port: int, probe: str) -> int:
    """Start a process and wait for its first answer. Returns: its pid; it is stopped with the stack."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def stop() -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    stack.callback(stop)
    give_up = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < give_up:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{probe}", timeout=1):
                return process.pid
        except (OSError, urllib.error.HTTPError):
            time.sleep(0.01)
    raise SystemExit(f"{command} does not answer")


def descriptors(pid: int) -> int:
    """Returns: how many files and sockets a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def get(port: int, path: str) -> bytes:
    """Returns: the body of an answer."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        raw: bytes = answer.read()
        return raw


def run(options: argparse.Namespace) -> int:
    """Do it, and print what came of it. Returns: 0 if every goal is met."""
    up, ours, retries = free_port(), free_port(), options.retries
    params = {"model": "openai/m", "api_key": "sk-chaos", "api_base": f"http://127.0.0.1:{up}/v1"}
    params |= {} if retries is None else {"max_retries": retries}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "c.yaml").write_text(json.dumps({"model_list": [{"model_name": "m", "litellm_params": params}]}))
        provider = [
            sys.executable,
            __file__,
            "--serve",
            str(up),
            "--seed",
            str(options.seed),
            "--faults",
            options.faults,
        ]
        start(stack, provider, up, "/report")
        command = [sys.executable, "-m", "mini_agent", "serve", "--port", str(ours), "--config", str(folder / "c.yaml")]
        pid = start(stack, command, ours, "/ready")
        before = descriptors(pid)
        began = time.monotonic()
        answers = asyncio.run(load(ours, options.requests, options.concurrency))
        seconds = time.monotonic() - began
        give_up = time.monotonic() + 10
        while descriptors(pid) > before and time.monotonic() < give_up:
            time.sleep(0.1)  # Idle connections to the provider are given up after 4 s.
        left = descriptors(pid) - before
        metrics, told = get(ours, "/metrics").decode(), json.loads(get(up, "/report"))
        least = 0.99 if options.faults == "request" else 0.975
        return report(answers, told, left, metrics, seconds, least)


def report(
    answers: list[tuple[str, bool, int, bytes]],
    told: dict[str, Any],
    left: int,
    metrics: str,
    seconds: float,
    least: float,
) -> int:
    """Compare what clients were told with what the provider did. Returns: 0 if every goal is met."""
    plain = Counter(status for _, stream, status, _ in answers if not stream)
    streams = [(request_id, body) for request_id, stream, status, body in answers if stream and status == 200]
    shown_broken = {request_id for request_id, body in streams if b'"error"' in body}
    broken = {request_id for request_id, _ in streams if request_id in told["broken"]}
    in_flight = next(line for line in metrics.splitlines() if line.startswith("mini_agent_streams_in_flight "))
    good = plain[200] / plain.total()
    print(f"{len(answers)} requests in {seconds:.1f} s; the provider was asked {sum(told['asked'].values())} times")
    print(f"plain: {dict(plain)}; streams: {len(streams)} begun, {len(broken)} broken by the provider")
    goals = {
        f"plain requests that succeed: {good:.1%} (at least {least:.1%})": good >= least,
        f"broken streams that look whole: {len(broken - shown_broken)}": broken <= shown_broken,
        f"whole streams that look broken: {len(shown_broken - broken)}": shown_broken <= broken,
        "every stream has its end": all(b"[DONE]" in body for _, body in streams),
        "every failure is the provider's": set(plain) <= {200, 429, 502, 503, 504},
        f"streams in flight afterwards: {in_flight.split()[1]}": float(in_flight.split()[1]) == 0,
        f"connections and files left afterwards: {left}": left <= 0,
    }
    for goal, met in goals.items():
        print(f"{'ok ' if met else 'NOT'} {goal}")
    return 0 if all(goals.values()) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--retries", type=int, default=None)
    parser.add_argument("--faults", choices=["request", "attempt"], default="request")
    parser.add_argument("--serve", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.seed, options.faults == "request")
    else:
        sys.exit(run(options))
