"""A server may close an idle connection in the moment in which it is used again: who asked notices nothing."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.gateway import Gateway, Stage
from support.loop_thread import PATIENCE_S

WORD = json.dumps(
    {
        "id": "c1", "object": "chat.completion", "created": 1, "model": "up",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "here"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
).encode()  # fmt: skip
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(WORD), WORD)


Plan = tuple[bytes, bool]


class Provider:
    """Answers by a plan: what the n-th request of a connection gets, and whether the connection ends with it."""

    def __init__(self) -> None:
        self.plan: Callable[[int, int], Plan] = lambda connection, number: (ANSWER, False)
        self.seen: list[tuple[int, int, int]] = []
        """Of each request: connection and number, from 0, and bytes of its body."""
        provider, lock, opened = self, threading.Lock(), iter(range(1000))

        class Connection(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with lock:
                    own = next(opened)
                for number in range(1000):
                    length = self._head()
                    if length is None:
                        return
                    body = self.rfile.read(length)
                    with lock:
                        provider.seen.append((own, number, len(body)))
                    answer, ends = provider.plan(own, number)
                    self.wfile.write(answer)
                    if ends:
                        return

            def _head(self) -> int | None:
                length = None
                while (line := self.rfile.readline()) not in (b"\r\n", b""):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                return length

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Connection)

    @property
    def base(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A server that is stopped when whoever asked it has gone."""
    provider = Provider()
    with provider.server as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield provider
        server.shutdown()
        thread.join()


@pytest.fixture
def gateway(provider: Provider, stage: Stage) -> Gateway:
    """A gateway that never retries what a provider refuses."""
    return stage.gateway({"model_list": [stage.entry(api_base=provider.base, max_retries=0)]})


def closing(connection: int, number: int) -> Plan:
    """Return the plan of a server that gives a connection up with its second request."""
    return (b"", True) if number else (ANSWER, False)


@pytest.mark.parametrize("characters", [1, 700_000], ids=["short", "in pieces"])
def test_a_request_that_meets_the_close_is_asked_once_more(
    gateway: Gateway, provider: Provider, characters: int
) -> None:
    """The answer comes over a new connection, to the same body, without a retry of the configuration."""
    provider.plan = closing
    assert gateway.chat("first").text == "here"
    assert gateway.chat("x" * characters).text == "here"
    assert [seen[:2] for seen in provider.seen] == [(0, 0), (0, 1), (1, 0)]
    assert provider.seen[1][2] == provider.seen[2][2] > characters


def test_no_other_stale_connection_is_tried(gateway: Gateway, provider: Provider) -> None:
    """With several idle connections that all are given up, the second attempt has one of its own."""
    together = threading.Barrier(3, timeout=PATIENCE_S)

    def plan(connection: int, number: int) -> Plan:
        if number == 0 and connection < 3:
            together.wait()
        return closing(connection, number)

    provider.plan = plan
    with ThreadPoolExecutor(3) as pool:
        assert [reply.text for reply in pool.map(gateway.chat, ("a", "b", "c"))] == ["here"] * 3
    assert gateway.chat("after them").text == "here"
    (stale, second), fresh = provider.seen[3][:2], provider.seen[4][:2]
    assert (stale in range(3), second, fresh) == (True, 1, (3, 0))
    assert len(provider.seen) == 5


@pytest.mark.parametrize("part", [b"H", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\n", ANSWER[:-1]])
def test_an_answer_that_had_begun_is_not_asked_again(gateway: Gateway, provider: Provider, part: bytes) -> None:
    """Whatever of an answer has arrived, its request was served: it is told, and not paid twice."""
    provider.plan = lambda connection, number: (part, True) if number else (ANSWER, False)
    assert gateway.chat("first").text == "here"
    assert gateway.chat("second").status == 502
    assert [seen[:2] for seen in provider.seen] == [(0, 0), (0, 1)]


def test_a_new_connection_that_is_closed_is_no_stale_one(gateway: Gateway, provider: Provider) -> None:
    """A server that closes without an answer is asked once, and once more where the first connection was stale."""
    provider.plan = lambda connection, number: (b"", connection > 0 or number > 0) if connection else closing(0, number)
    assert gateway.chat("first").text == "here"
    assert gateway.chat("second").status == 502
    assert gateway.chat("third").status == 502
    assert [seen[:2] for seen in provider.seen] == [(0, 0), (0, 1), (1, 0), (2, 0)]


def test_what_is_relayed_is_not_sent_twice(provider: Provider, stage: Stage) -> None:
    """A path that is passed on as it is may create something: its POST meets the close once."""
    environ = {"MINI_AGENT_PROVIDER_MODE": "forward", "MINI_AGENT_FORWARD_URL": provider.base.removesuffix("/v1")}
    gateway = stage.gateway(environ=environ)
    provider.plan = closing
    assert gateway.post("/v1/images/generations", {"prompt": "a"}).status == 200
    assert gateway.post("/v1/images/generations", {"prompt": "b"}).status == 502
    assert [seen[:2] for seen in provider.seen] == [(0, 0), (0, 1)]


def test_an_agent_is_not_asked_twice(provider: Provider, stage: Stage) -> None:
    """It acts: one that ends without a word may have done what it was asked."""
    environ = {"LITELLM_ENABLE_CODEX_AGENT": "1", "CODEX_AGENT_API_BASE": provider.base}
    gateway = stage.gateway(
        {"model_list": [{"model_name": "m1", "litellm_params": {"model": "codex-agent/x"}}]}, environ
    )
    provider.plan = closing
    assert gateway.chat("first").text == "here"
    assert gateway.chat("delete it").status == 502
    assert [seen[:2] for seen in provider.seen] == [(0, 0), (0, 1)]
