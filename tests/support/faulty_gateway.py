"""Gateways with one fault each, before a good one: the variance tests of nd must be red on every one of them.

Run as `python faulty_gateway.py FAULT BASE`; prints its address.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

CANNED = "That is a good question. There is much to say about it, and more to learn."
BARRIER_S = 2.0


class Proxy(ThreadingHTTPServer):
    """Knows its fault, the gateway behind it, and who else is asking.

    Args:
        fault: `canned`, `temperature` or `mixed`; base: address of the good gateway.
    """

    daemon_threads = True

    def __init__(self, fault: str, base: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.fault = fault
        self.behind = urlsplit(base)
        self._waiting: list[tuple[dict[str, Any], threading.Event, list[dict[str, Any]]]] = []
        self._lock = threading.Lock()

    def mixed(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body of somebody else who asks at the same time, who gets this one."""
        with self._lock:
            if self._waiting:
                other, arrived, got = self._waiting.pop()
                got.append(body)
                arrived.set()
                return other
            arrived, got = threading.Event(), []
            entry = (body, arrived, got)
            self._waiting.append(entry)
        arrived.wait(BARRIER_S)
        with self._lock:
            if entry in self._waiting:
                self._waiting.remove(entry)
        return got[0] if got else body


class Handler(BaseHTTPRequestHandler):
    """Hands a request on, with the fault."""

    server: Proxy

    def do_GET(self) -> None:
        """Hand on."""
        self._hand_on("GET", b"")

    def do_POST(self) -> None:
        """Hand on, with the fault where it is a chat."""
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/v1/chat/completions":
            self._hand_on("POST", raw)
            return
        body = json.loads(raw)
        if self.server.fault == "canned":
            self._canned(body)
            return
        if self.server.fault == "temperature":
            body.pop("temperature", None)
        elif self.server.fault == "mixed":
            body = self.server.mixed(body)
        self._hand_on("POST", json.dumps(body).encode())

    def _canned(self, body: dict[str, Any]) -> None:
        """Answer with the same words and a believable bill."""
        prompt = sum(len(str(message["content"]).split()) for message in body["messages"])
        tokens = min(len(CANNED.split()), body.get("max_tokens", 100))
        usage = {"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens}
        head = {"id": f"chatcmpl-{id(body)}", "created": 0, "model": body["model"]}
        finish = "length" if tokens == body.get("max_tokens") else "stop"
        if body.get("stream"):
            parts = [{"delta": {"content": f"{word} "}, "index": 0} for word in CANNED.split()[:tokens]]
            parts.append({"delta": {}, "index": 0, "finish_reason": finish})
            events = [{**head, "object": "chat.completion.chunk", "choices": [part]} for part in parts]
            events.append({**head, "object": "chat.completion.chunk", "choices": [], "usage": usage})
            lines = [f"data: {json.dumps(event)}\n\n" for event in events]
            self._answer(200, "text/event-stream", ("".join(lines) + "data: [DONE]\n\n").encode())
            return
        message = {"role": "assistant", "content": " ".join(CANNED.split()[:tokens])}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        answer = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
        self._answer(200, "application/json", json.dumps(answer).encode())

    def _hand_on(self, method: str, body: bytes) -> None:
        """Ask the good gateway, and relay what comes as it comes."""
        behind = self.server.behind
        connection = http.client.HTTPConnection(behind.hostname or "", behind.port, timeout=50)
        try:
            connection.request(method, self.path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            self.send_response(response.status)
            self.send_header("Content-Type", response.headers["Content-Type"])
            self.end_headers()
            while part := response.read1(65536):
                self.wfile.write(part)
                self.wfile.flush()
        except OSError:
            self.close_connection = True
        finally:
            connection.close()

    def _answer(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing about requests."""


if __name__ == "__main__":
    proxy = Proxy(sys.argv[1], sys.argv[2])
    print(f"listening on http://127.0.0.1:{proxy.server_address[1]}", flush=True)
    proxy.serve_forever()
