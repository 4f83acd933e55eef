"""What the client receives: answers, streams, failures."""

from __future__ import annotations

import gzip
import http.client
import json
import socket

import pytest

from smoke_core.mini_agent.interceptor.conftest import Intercept
from support.http_client import raw_exchange
from support.interceptor import ServedInterceptor
from support.loop_thread import PATIENCE_S, LoopThread
from support.wire_target import WireTarget

GET = b"GET /v1/x HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
KEY = "sk-of-the-interceptor"


def split(answer: bytes) -> tuple[bytes, list[tuple[bytes, bytes]], bytes]:
    """Return status line, headers and body of an answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    pairs = (line.partition(b": ") for line in lines[1:])
    return lines[0], [(name.lower(), value) for name, _, value in pairs], body


def test_status_body_and_headers_return(intercept: Intercept, target: WireTarget) -> None:
    """Status, repeated and unknown headers, cookies and the target's own date return; hop-by-hop headers do not."""
    target.answer(
        b"HTTP/1.1 418 Short and stout\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\nServer: pot\r\nSet-Cookie: a=1\r\n"
        b"Set-Cookie: b=2\r\nX-Odd: gr\xc3\xbc\xc3\x9fe\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n"
        b"Keep-Alive: timeout=5\r\nContent-Length: 3\r\n\r\ntea"
    )
    status, headers, body = split(raw_exchange(intercept().port, GET))
    assert status.split()[1] == b"418"
    assert body == b"tea"
    assert headers == [
        (b"date", b"Sat, 01 Jan 2000 00:00:00 GMT"),
        (b"server", b"pot"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"x-odd", "grüße".encode()),
        (b"content-length", b"3"),
        (b"connection", b"close"),
    ]


def test_a_cookie_of_one_answer_is_not_sent_with_the_next_request(intercept: Intercept, target: WireTarget) -> None:
    """The interceptor keeps no cookies: they are between client and target."""
    target.answer(b"HTTP/1.1 200 OK\r\nset-cookie: a=1; path=/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    client = intercept()
    assert client.get("/v1/x").headers["set-cookie"] == "a=1; path=/"
    client.get("/v1/x")
    assert b"cookie" not in target.received.lower()


def test_a_compressed_answer_stays_compressed(intercept: Intercept, target: WireTarget) -> None:
    """The bytes of a gzip body and its headers arrive as the target sent them."""
    packed = gzip.compress("grüße".encode() * 100)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)
    target.answer(head + packed)
    reply = intercept().get("/v1/x")
    assert (reply.body, reply.headers["content-encoding"]) == (packed, "gzip")
    assert reply.headers["content-length"] == str(len(packed))


BARE = {
    "head": ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", 200, "5"),
    "no content": ("POST", b"HTTP/1.1 204 No Content\r\n\r\n", 204, None),
    "not modified": ("GET", b'HTTP/1.1 304 Not Modified\r\netag: "x"\r\n\r\n', 304, None),
    "redirect": ("GET", b"HTTP/1.1 307 T\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n", 307, "0"),
}


@pytest.mark.parametrize(("method", "answer", "status", "length"), BARE.values(), ids=BARE.keys())
def test_answers_without_a_body(
    intercept: Intercept, target: WireTarget, method: str, answer: bytes, status: int, length: str | None
) -> None:
    """HEAD keeps its length, 204 and 304 have none, a redirect is the client's to follow."""
    target.answer(answer)
    reply = intercept().request(method, "/v1/x")
    assert (reply.status, reply.body, reply.headers.get("content-length")) == (status, b"", length)


@pytest.mark.parametrize("status", [200, 429])
def test_a_stream_is_relayed_while_it_arrives(intercept: Intercept, target: WireTarget, status: int) -> None:
    """Head and first event, with the real status, are here before the target has written the second."""
    head = b"HTTP/1.1 %d X\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n" % status
    target.answer(head, "wait", "b\r\ndata: é1\n\n\r\n".encode(), "wait", b"0\r\n\r\n")
    connection = intercept().open_stream({"stream": True})
    try:
        response = connection.getresponse()  # The head alone: nothing of the body is written yet.
        assert (response.status, response.getheader("content-type")) == (status, "text/event-stream")
        target.release.set()
        assert response.read() == "data: é1\n\n".encode()
    finally:
        connection.close()


def test_events_arrive_one_by_one(intercept: Intercept, target: WireTarget) -> None:
    """The first event is readable while the target still waits to send the second."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    target.answer(head + b"b\r\ndata: one\n\n\r\n", "wait", b"b\r\ndata: two\n\n\r\n0\r\n\r\n")
    connection = intercept().open_stream({"stream": True})
    try:
        response = connection.getresponse()
        assert response.read1(100) == b"data: one\n\n"
        target.release.set()
        assert response.read() == b"data: two\n\n"
    finally:
        connection.close()


def test_a_broken_answer_is_not_passed_off_as_whole(intercept: Intercept, target: WireTarget) -> None:
    """If the target breaks off amid a stream, the connection ends without the sign of a complete body."""
    target.answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
    client = intercept()
    answer = raw_exchange(client.port, GET)
    assert answer.endswith(b"3\r\none\r\n")
    assert any(line["message"] == "the target's answer broke off" for line in client.log_lines())


def refused_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def test_target_down(loop: LoopThread) -> None:
    """A target that refuses connections: 502 in the envelope, naming it."""
    with ServedInterceptor(loop, target=f"http://127.0.0.1:{refused_port()}") as client:
        reply = client.chat()
        assert (reply.status, reply.error["code"], reply.error["type"]) == (
            502,
            "backend_unavailable",
            "connection_error",
        )
        assert "cannot be reached" in reply.error["message"]
        assert reply.error["request_id"] == reply.headers["x-request-id"]


FAILURES = {
    "closes without a word": ((), 502, "backend_unavailable"),
    "speaks no HTTP": ((b"220 smtp ready\r\n\r\n",), 502, "invalid_provider_response"),
    "silent": (("hang",), 504, "request_timeout"),
}


@pytest.mark.parametrize(("parts", "status", "code"), FAILURES.values(), ids=FAILURES.keys())
def test_target_failures(
    intercept: Intercept, target: WireTarget, parts: tuple[bytes | str, ...], status: int, code: str
) -> None:
    """Every way to fail before an answer has its status in the envelope, the client's request id, and no traceback."""
    target.answer(*parts)
    client = intercept(read_s=0.2, api_key=KEY)
    reply = client.get("/v1/x", {"x-request-id": "mine-1"})
    assert (reply.status, reply.error["code"]) == (status, code)
    assert reply.error["request_id"] == reply.headers["x-request-id"] == "mine-1"
    assert "Traceback" not in reply.body.decode() + client.log_text()
    assert KEY not in reply.body.decode() + client.log_text()


def test_a_body_shorter_than_declared(intercept: Intercept, target: WireTarget) -> None:
    """The client ends before the declared length: 400, and the target never gets a request that looks whole."""
    head = b"POST /v1/x HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 10\r\n\r\nabc"
    status, _, body = split(raw_exchange(intercept().port, head, half_close=True))
    assert status.split()[1] == b"400"
    assert json.loads(body)["error"]["code"] == "content_length_mismatch"
    assert target.dropped.wait(PATIENCE_S)


def test_a_header_that_is_not_utf_8(intercept: Intercept, target: WireTarget) -> None:
    """A value that could not go on unchanged is refused by name."""
    sent = b"GET /v1/x HTTP/1.1\r\nhost: 127.0.0.1\r\nx-odd: \xfc\r\nconnection: close\r\n\r\n"
    status, _, body = split(raw_exchange(intercept().port, sent))
    error = json.loads(body)["error"]
    assert (status.split()[1], error["code"], error["param"]) == (b"400", "invalid_parameter", "x-odd")
    assert target.received == b""


LEAVING = {
    "before the answer": ("hang",),
    "amid a stream": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n", "hang"),
}


@pytest.mark.parametrize("parts", LEAVING.values(), ids=LEAVING.keys())
def test_a_client_that_leaves_cancels_the_request(
    intercept: Intercept, target: WireTarget, parts: tuple[bytes | str, ...]
) -> None:
    """The target's connection is closed when the client closes its own."""
    target.answer(*parts)
    with socket.create_connection(("127.0.0.1", intercept().port), timeout=PATIENCE_S) as sock:
        sock.sendall(b"POST /v1/x HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2\r\n\r\n{}")
        target.wait_for(lambda received: received.endswith(b"{}"))
        if len(parts) > 1:
            http.client.HTTPResponse(sock).begin()
    assert target.dropped.wait(PATIENCE_S)


def test_a_client_that_leaves_amid_its_body(intercept: Intercept, target: WireTarget) -> None:
    """A body that will never be whole is not finished for the client."""
    with socket.create_connection(("127.0.0.1", intercept().port), timeout=PATIENCE_S) as sock:
        sock.sendall(b"POST /v1/x HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        target.wait_for(lambda received: b"one" in received)
    assert target.dropped.wait(PATIENCE_S)
    assert not target.received.endswith(b"0\r\n\r\n")


def test_health(loop: LoopThread) -> None:
    """`GET /health` tells who it is without asking the target, and without the target's password."""
    settings = {"target": "http://me:secret@127.0.0.1:9", "project": "/projects/größe", "instance_id": "i-1"}
    with ServedInterceptor(loop, **settings) as client:
        reply = client.get("/health")
    assert reply.status == 200
    assert reply.json() == {
        "status": "healthy",
        "instance_id": "i-1",
        "target": "http://[redacted]@127.0.0.1:9",
        "project": "/projects/größe",
    }


def test_one_log_line_for_each_request(intercept: Intercept) -> None:
    """The log has method, path and status of a request, and neither query nor header values."""
    client = intercept(api_key=KEY)
    client.get("/v1/models?token=abc", {"x-request-id": "mine-2", "x-secret": "hidden-value"})
    line = next(line for line in client.log_lines() if line["message"] == "request")
    facts = {name: line[name] for name in ("request_id", "method", "path", "status")}
    assert facts == {"request_id": "mine-2", "method": "GET", "path": "/v1/models", "status": 200}
    assert not {KEY, "abc", "hidden-value"} & set(client.log_text().replace('"', " ").split())
