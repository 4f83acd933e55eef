"""The limits of the connections to providers: a bounded pool, a time to wait for it, a time to write."""

from __future__ import annotations

import socket
import threading

import pytest

from support.gateway import Stage
from support.http_client import Reply
from support.upstream import hang, held


def test_request_waits_for_a_free_connection_and_then_goes(stage: Stage) -> None:
    """With a pool of one, the second request reaches the provider only once the first is answered."""
    stage.upstream.script(held("done"))
    gateway = stage.gateway(pool_connections=1)
    replies: list[Reply] = []
    threads = [threading.Thread(target=lambda: replies.append(gateway.chat())) for _ in range(2)]
    for thread in threads:
        thread.start()
    stage.upstream.wait_requests(1)
    assert gateway.get("/ready").status == 200
    assert len(stage.upstream.requests) == 1
    stage.upstream.release.set()
    for thread in threads:
        thread.join(30)
    assert [reply.text for reply in replies] == ["done", "done"]
    assert len(stage.upstream.requests) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_pool_that_stays_full_is_504_without_a_request(stage: Stage, stream: bool) -> None:
    """Whoever finds no free connection in time gets a timeout of the table; the provider is not asked."""
    stage.upstream.script(hang())
    gateway = stage.gateway(pool_connections=1, pool_s=0.05)
    body = {"model": "m1", "messages": [{"role": "user", "content": "hi"}]}
    connection = gateway.open_stream(body)
    try:
        stage.upstream.wait_requests(1)
        reply = gateway.chat(stream=stream)
    finally:
        connection.close()
    assert (reply.status, reply.error["code"], reply.headers["retry-after"]) == (504, "request_timeout", "60")
    assert len(stage.upstream.requests) == 1


def test_place_in_the_pool_comes_back_when_a_client_leaves(stage: Stage) -> None:
    """A cancelled request gives its place back."""
    stage.upstream.script(hang(), held("next"))
    gateway = stage.gateway(pool_connections=1)
    connection = gateway.open_stream({"model": "m1", "stream": True, "messages": [{"role": "user", "content": "hi"}]})
    stage.upstream.wait_requests(1)
    connection.close()
    assert stage.upstream.wait_dropped(1.0)
    stage.upstream.release.set()
    assert gateway.chat().text == "next"


def test_provider_that_does_not_read_is_504(stage: Stage) -> None:
    """A body that the provider does not take in time ends in a timeout, not in a hang of ten minutes."""
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(1)
        entry = stage.entry(api_base=f"http://127.0.0.1:{deaf.getsockname()[1]}/v1")
        reply = stage.gateway({"model_list": [entry]}, write_s=0.05).chat("x" * 12_000_000)
    assert (reply.status, reply.error["code"]) == (504, "request_timeout")
