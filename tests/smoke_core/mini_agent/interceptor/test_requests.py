"""What the target receives, byte for byte."""

from __future__ import annotations

import http.client
import json
import socket

import pytest

from smoke_core.mini_agent.interceptor.conftest import Intercept
from support.http_client import raw_exchange
from support.loop_thread import PATIENCE_S
from support.wire_target import WireTarget

LINES = {
    "plain": "GET /v1/models",
    "query": "GET /v1/models?a=1&a=2&b=x+y%20z&empty=",
    "escapes kept as they are": "GET /a%2Fb/%e2%82%ac%7Euser?q=%zz%2f",
    "dots and slashes": "GET /a//b/../c/./d;p=1",
    "raw signs": 'GET /a?q={x}|[y]^`"<>',
    "not the health path": "GET /health/?deep=1",
    "health by another method": "POST /health",
    "put": "PUT /v1/files/1",
    "patch": "PATCH /v1/x",
    "delete": "DELETE /v1/x?y",
    "options": "OPTIONS /v1/x",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_method_path_and_query_are_kept(intercept: Intercept, target: WireTarget, line: str) -> None:
    """Method, path and query reach the target as they were sent: nothing is quoted, unquoted or resolved."""
    raw_exchange(intercept().port, f"{line} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n".encode())
    assert target.head.split(b"\r\n")[0] == f"{line} HTTP/1.1".encode()


def test_a_query_that_is_not_ascii_is_refused(intercept: Intercept, target: WireTarget) -> None:
    """Bytes that HTTP does not allow in a request line are refused in the envelope, not changed."""
    sent = "GET /a?q=grüße HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n".encode()
    answer = raw_exchange(intercept().port, sent)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "bad_request"
    assert target.received == b""


@pytest.mark.parametrize("line", ["OPTIONS *", "GET @example.invalid/", "GET x", "CONNECT example.invalid:443"])
def test_what_has_no_path_is_refused(intercept: Intercept, target: WireTarget, line: str) -> None:
    """Without a slash in front it would become a part of the target's host: 400, and nothing goes out."""
    client = intercept()
    answer = raw_exchange(client.port, f"{line} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["type"] == "invalid_request_error"
    assert target.received == b""
    assert "exception" not in client.log_text()


def test_an_absolute_request_line_goes_to_the_target(intercept: Intercept, target: WireTarget) -> None:
    """A client that names another host in the request line does not change where the request goes."""
    raw_exchange(
        intercept().port, b"GET http://example.invalid/v1/x?y HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
    )
    assert target.head.startswith(b"GET /v1/x?y HTTP/1.1\r\n")
    assert dict(target.headers())["host"] == f"127.0.0.1:{target.port}"


def test_the_path_of_the_target_comes_first(intercept: Intercept, target: WireTarget) -> None:
    """A target below a path keeps it in front of every request's own path."""
    intercept(target=f"{target.url}/team/a").get("/v1/models?x=1")
    assert target.head.startswith(b"GET /team/a/v1/models?x=1 HTTP/1.1\r\n")


BODIES = {
    "odd JSON": '{"b" : 1.0,\n\t"a":"grüße 你好 🙂", "a": 1e2 }  '.encode(),
    "not JSON": bytes(range(256)) * 3,
    "large": b"x" * 700_000,
    "none": b"",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_the_body_is_kept(intercept: Intercept, target: WireTarget, body: bytes) -> None:
    """A body with a length arrives unchanged, with that length and without a transfer coding."""
    assert intercept().request("POST", "/v1/chat/completions", body).body == b"ok"
    assert target.body == body
    headers = dict(target.headers())
    assert headers["content-length"] == str(len(body))
    assert "transfer-encoding" not in headers


def test_a_compressed_body_is_kept(intercept: Intercept, target: WireTarget) -> None:
    """A content coding of the client is none of our business."""
    body = b"\x1f\x8b-not-really-gzip"
    intercept().request("POST", "/v1/x", body, {"content-encoding": "gzip", "content-type": "application/json"})
    assert (target.body, dict(target.headers())["content-encoding"]) == (body, "gzip")


def test_a_chunked_body_goes_on_while_it_arrives(intercept: Intercept, target: WireTarget) -> None:
    """The first chunk is at the target before the client has sent the second; no length is invented."""
    head = b"POST /v1/x HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", intercept().port), timeout=PATIENCE_S) as sock:
        sock.sendall(head + b"3\r\none\r\n")
        target.wait_for(lambda received: b"one" in received)
        sock.sendall("4\r\n€!\r\n0\r\n\r\n".encode())
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        assert answer.read() == b"ok"
    assert target.body == "3\r\none\r\n4\r\n€!\r\n0\r\n\r\n".encode()
    headers = dict(target.headers())
    assert headers["transfer-encoding"] == "chunked"
    assert "content-length" not in headers


def test_expect_continue_is_answered_here(intercept: Intercept, target: WireTarget) -> None:
    """A client that asks before it sends its body is told to go on; the target gets the body without the question."""
    head = b"POST /v1/x HTTP/1.1\r\nhost: 127.0.0.1\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n"
    with socket.create_connection(("127.0.0.1", intercept().port), timeout=PATIENCE_S) as sock:
        sock.sendall(head)
        assert sock.recv(100).startswith(b"HTTP/1.1 100 Continue")
        sock.sendall(b"abc")
        assert b"200 OK" in sock.recv(1000)
    assert target.body == b"abc"
    assert "expect" not in dict(target.headers())


SENT = """GET /v1/x HTTP/1.1\r
Host: localhost\r
X-Twice: one\r
Cookie: a=1; b=2\r
X-Twice: zwei-grüße\r
Accept-Encoding: gzip, br\r
Connection: close, X-Mine\r
X-Mine: hop\r
Keep-Alive: timeout=5\r
Proxy-Authorization: Basic abc\r
TE: trailers\r
Upgrade: websocket\r
X-Request-Id: req-of-the-client\r
\r
""".encode()


def test_end_to_end_headers_are_kept_and_no_other(intercept: Intercept, target: WireTarget) -> None:
    """Repetitions, their order, cookies and non-ASCII values go on; hop-by-hop headers end; nothing is added."""
    raw_exchange(intercept(inject=False).port, SENT)
    assert target.headers() == [
        ("host", f"127.0.0.1:{target.port}"),
        ("x-twice", "one"),
        ("cookie", "a=1; b=2"),
        ("x-twice", "zwei-grüße"),
        ("accept-encoding", "gzip, br"),
        ("x-request-id", "req-of-the-client"),
    ]


IDENTITY = {"x-memory-user-id": "pycharm-demo", "x-pycharm-instance": "pycharm-demo", "x-source": "pycharm-ai-chat"}


def identity(target: WireTarget) -> dict[str, str]:
    """Return the headers that say who asks."""
    wanted = (*IDENTITY, "authorization")
    found = [(name, value) for name, value in target.headers() if name in wanted]
    assert len(dict(found)) == len(found), "a header was sent twice"
    return dict(found)


GIVEN = {
    "nothing": ({}, {}),
    "user": ({"X-Memory-User-Id": "alice"}, {"x-memory-user-id": "alice"}),
    "instance": ({"x-pycharm-instance": "i"}, {"x-pycharm-instance": "i"}),
    "source": ({"x-source": "curl"}, {"x-source": "curl"}),
    "blank user counts as none": ({"x-memory-user-id": "  "}, {}),
    "authorization": ({"Authorization": "Bearer mine"}, {"authorization": "Bearer mine"}),
}


@pytest.mark.parametrize(("given", "kept"), GIVEN.values(), ids=GIVEN.keys())
def test_identity_is_added_where_absent(
    intercept: Intercept, target: WireTarget, given: dict[str, str], kept: dict[str, str]
) -> None:
    """Each identity header is added only if the client did not send it; what it sent is kept."""
    intercept().get("/v1/x", given)
    assert identity(target) == {**IDENTITY, **kept}


KEYS = {
    "none sent": ({}, "Bearer sk-of-the-interceptor"),
    "one sent": ({"Authorization": "Basic mine"}, "Basic mine"),
}


@pytest.mark.parametrize(("given", "expected"), KEYS.values(), ids=KEYS.keys())
@pytest.mark.parametrize("inject", [True, False])
def test_the_key_is_for_clients_without_one(
    intercept: Intercept, target: WireTarget, given: dict[str, str], expected: str, inject: bool
) -> None:
    """`INTERCEPTOR_API_KEY` is sent as a bearer key if the client sent no `Authorization`, identity or not."""
    intercept(api_key="sk-of-the-interceptor", inject=inject).get("/v1/x", given)
    assert identity(target) == {**(IDENTITY if inject else {}), "authorization": expected}


FOLLOWED = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
PAGES = {
    "a link on a page of another site": ({"sec-fetch-site": "cross-site", **FOLLOWED}, False),
    "a link on a page of a neighbour": ({"sec-fetch-site": "same-site", **FOLLOWED}, False),
    "an address that somebody typed": ({"sec-fetch-site": "none", **FOLLOWED}, True),
    "localhost": ({"host": "localhost:8888"}, True),
    "IPv6": ({"host": "[::1]:8888"}, True),
    "below localhost": ({"host": "demo.localhost"}, True),
    "a page that is listed": ({"origin": "http://localhost:3000", "sec-fetch-site": "cross-site"}, True),
    "a program that is listed": ({"origin": "vscode-webview://0a1b"}, True),
}


@pytest.mark.parametrize(("given", "lent"), PAGES.values(), ids=PAGES.keys())
def test_the_key_is_lent_to_whom_the_operator_wants(
    intercept: Intercept, target: WireTarget, given: dict[str, str], lent: bool
) -> None:
    """Whom the door lets in gets the key, but for links on pages of others: nobody asked to spend it for them."""
    listed = frozenset({"http://localhost:3000", "vscode-webview://*"})
    intercept(api_key="sk-of-the-interceptor", allowed_origins=listed).get("/v1/x", given)
    assert ("authorization" in identity(target)) is lent
    assert not [name for name, _ in target.headers() if name == "origin" or name.startswith("sec-fetch-")]


def test_the_first_of_several_user_ids_counts(intercept: Intercept, target: WireTarget) -> None:
    """As for the gateway: behind a blank one another is not looked at, and the instance is the user."""
    users = b"x-memory-user-id: \r\nx-memory-user-id: eve\r\n"
    raw_exchange(intercept().port, b"GET /v1/x HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n" + users + b"\r\n")
    assert identity(target) == IDENTITY
