"""Attacks on the framing of HTTP: where a request begins, where it ends, and how long it may take.

Every row says what an attacker wants. The bytes go over a bare socket to the server that the commands use.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from support.gateway import Gateway, Stage
from support.interceptor import ServedInterceptor
from support.raw_client import RawClient, request
from support.upstream import Upstream, hang, held
from support.upstream import answer as answers

CHAT = "POST /v1/chat/completions"
JSON = "content-type: application/json"
BODY = json.dumps({"model": "m1", "messages": [{"role": "user", "content": "hi"}]}).encode()
LENGTH = f"content-length: {len(BODY)}"
CHUNKED = "transfer-encoding: chunked"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
CLOSE = "connection: close"
SHORT_S = 0.15
READY = b'"ok"'


def chat(*headers: str | bytes, body: bytes = BODY, line: str = CHAT) -> bytes:
    """Write a chat request with these headers."""
    return request(line, JSON, *headers, body=body)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One provider for all attacks on one gateway: what reaches it got through."""
    with Stage(tmp_path_factory.mktemp("framing")) as stage:
        yield stage


@pytest.fixture(scope="module")
def gateway(shared: Stage) -> Iterator[Gateway]:
    """A gateway with short deadlines."""
    gateway = shared.gateway(head_s=SHORT_S, body_idle_s=SHORT_S, body_total_s=4 * SHORT_S)
    yield gateway
    gateway.stop()


@pytest.fixture
def upstream(shared: Stage) -> Upstream:
    """The provider, its log empty."""
    shared.upstream.forget()
    shared.upstream.script(answers("hi"))
    return shared.upstream


def test_an_honest_request_gets_through(gateway: Gateway, upstream: Upstream) -> None:
    """The rows below fail for what they change, not for what they share: whole, in chunks, byte by byte."""
    for honest in (chat(LENGTH, CLOSE), chat(CHUNKED, CLOSE, body=CHUNKS), chat(CHUNKED.upper(), CLOSE, body=CHUNKS)):
        with RawClient(gateway.port) as client:
            client.send(honest)
            assert client.read().status == 200
    with RawClient(gateway.port) as client:
        for byte in chat(LENGTH, CLOSE):
            client.send(bytes([byte]))
        assert client.read().status == 200
    assert len(upstream.requests) == 4


TWO_READINGS = {
    "two lengths, so that a proxy in front takes the other one": chat(LENGTH, "content-length: 3"),
    "the same length twice, which one of two parsers joins": chat(LENGTH, LENGTH),
    "a list of lengths": chat("content-length: 58, 58"),
    "a length with a sign": chat(f"content-length: +{len(BODY)}"),
    "a negative length": chat("content-length: -1"),
    "a hexadecimal length": chat("content-length: 0x3a"),
    "a length beyond every integer": chat("content-length: 99999999999999999999999"),
    "length first, chunks second: the body ends twice": chat(LENGTH, CHUNKED, body=CHUNKS),
    "chunks first, length second": chat(CHUNKED, LENGTH, body=CHUNKS),
    "a coding that only looks like chunked": chat("transfer-encoding: xchunked", body=CHUNKS),
    "chunked twice": chat(CHUNKED, CHUNKED, body=CHUNKS),
    "chunked, but not last": chat("transfer-encoding: chunked, gzip", body=CHUNKS),
    "a space in front of the colon, which others strip": chat("transfer-encoding : chunked", body=CHUNKS),
    "a vertical tab in front of the value": chat("transfer-encoding:\x0bchunked", body=CHUNKS),
    "chunks in HTTP/1.0, which has none": chat(CHUNKED, body=CHUNKS, line=f"{CHAT} HTTP/1.0"),
    "bare line feeds": chat(LENGTH).replace(b"\r\n", b"\n"),
    "one bare line feed at the end of the head": chat(LENGTH).replace(b"\r\n\r\n", b"\r\n\n"),
    "a bare carriage return that hides a header": chat("x-a: b\rx-memory-user-id: victim", LENGTH),
    "a folded line that hides a header": chat("x-a: b\r\n x-memory-user-id: victim", LENGTH),
    "a folded first line": request(f"{CHAT} HTTP/1.1\r\n x: y", JSON, LENGTH, body=BODY),
    "a null byte in a value": chat("x-a: b\0c", LENGTH),
    "a field without a colon": chat("x-a", LENGTH),
    "a field without a name": chat(": x", LENGTH),
    "a chunk longer than any number": chat(CHUNKED, body=b"f" * 17 + b"\r\n" + BODY),
    "a chunk of negative size": chat(CHUNKED, body=b"-1\r\n" + BODY),
    "a chunk size with a prefix": chat(CHUNKED, body=b"0x5\r\nhello\r\n0\r\n\r\n"),
    "a chunk that ends without its line end": chat(CHUNKED, body=b"%x\r\n%s0\r\n\r\n" % (len(BODY), BODY)),
    "a chunk line that ends with a bare line feed": chat(CHUNKED, body=CHUNKS.replace(b"\r\n", b"\n", 1)),
    "a line feed inside a chunk extension": chat(CHUNKED, body=CHUNKS.replace(b"\r\n", b";a\nb\r\n", 1)),
    "no version, as in HTTP/0.9": b"GET /ready\r\n\r\n",
    "a version that is not spoken here": request("GET /ready HTTP/2.0"),
    "HTTP/2 with prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a tunnel to somewhere else": request("CONNECT evil.example:443", host="evil.example:443"),
    "a path of bytes that are no ASCII": request("GET /re\xff"),
    "TLS on a plain port": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no Host, so that the door has nothing to judge": request("GET /ready", host=None),
    "two Hosts, one for the proxy and one for us": request("GET /ready", "host: 127.0.0.1"),
    "a Host with a user in front": request("GET /ready", host="127.0.0.1@evil.example"),
    "a Host with a path behind": request("GET /ready", host="127.0.0.1/evil.example"),
    "an empty Host": request("GET /ready", host=""),
}


@pytest.mark.parametrize("attack", TWO_READINGS.values(), ids=TWO_READINGS)
def test_what_two_servers_could_read_differently_is_refused(
    gateway: Gateway, upstream: Upstream, attack: bytes
) -> None:
    """Wanted: a request that a proxy in front reads in another way, so that a second one hides in it.

    One 400 in the envelope (or 501 for a coding), the connection ends, and nothing reaches the provider.
    """
    with RawClient(gateway.port) as client:
        client.send(attack)
        answer = client.read(5)
    assert answer.status in (400, 501)
    assert answer.error["request_id"] == answer.header("x-request-id")
    assert answer.closed
    assert upstream.requests == []


@pytest.mark.parametrize("coding", ["gzip, chunked", "identity, chunked", "deflate, chunked", "chunked;q=1"])
def test_a_coding_that_we_do_not_undo_is_told(gateway: Gateway, upstream: Upstream, coding: str) -> None:
    """Wanted: a compressed body that one server checks as it is and the next one unpacks."""
    with RawClient(gateway.port) as client:
        client.send(chat(f"transfer-encoding: {coding}", CLOSE, body=CHUNKS))
        answer = client.read(5)
    assert answer.status in (400, 501)
    assert upstream.requests == []


TOO_LARGE = {
    "hold memory with one endless header": request("GET /ready", "x-a: " + "b" * 70_000),
    "hold memory with many short headers": request("GET /ready", *["x-a: b"] * 201),
    "hold memory with an endless address": request("GET /ready?" + "b" * 60_000, "x-a: " + "b" * 6_000),
    "hold memory with a name instead of a value": request("GET /ready", "b" * 70_000 + ": x"),
}


@pytest.mark.parametrize("attack", TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_head_above_the_bounds_is_refused(gateway: Gateway, attack: bytes) -> None:
    """Wanted: memory for nothing, without a key. 64 KB and 200 fields are the end: 431."""
    with RawClient(gateway.port) as client:
        client.send(attack)
        answer = client.read(5)
    assert (answer.status, answer.error["code"]) == (431, "request_header_fields_too_large")
    assert answer.closed


def test_a_head_at_the_bounds_is_served(gateway: Gateway) -> None:
    """No false alarm: long cookies and tokens pass, and so does a request of 200 fields."""
    for honest in (
        request("GET /ready", "cookie: " + "b" * 60_000, CLOSE),
        request("GET /ready", *["x-a: b"] * 198, CLOSE),
    ):
        with RawClient(gateway.port) as client:
            client.send(honest)
            assert client.read().status == 200


@pytest.mark.parametrize("piece", [b"x-a: bbbbbbbb\r\n", b"b" * 4096, b"\r\n"], ids=["fields", "value", "line ends"])
def test_a_head_without_an_end_is_cut_off(gateway: Gateway, piece: bytes) -> None:
    """Wanted: 200 MB of memory before anybody asks for a key. Of what is sent, the server takes a small part."""
    with RawClient(gateway.port) as client:
        client.send(b"" if piece == b"\r\n" else request("GET /ready", "x-a: b")[:-2])
        block = piece * (65_536 // len(piece))
        taken = next((sent for sent in range(400) if not client.send(block)), None)
        assert taken is not None or client.read(5).status == 431


@pytest.mark.parametrize(
    "rest",
    [b"5;" + b"a" * 600_000, b"0\r\nx-trailer: " + b"a" * 600_000, b"0\r\n" + b"a: b\r\n" * 100_000 + b"\r\n"],
    ids=["one chunk extension", "one trailer", "many trailers"],
)
def test_what_surrounds_chunks_is_bounded(gateway: Gateway, upstream: Upstream, rest: bytes) -> None:
    """Wanted: memory through the parts of a chunked body that no limit of bodies counts."""
    with RawClient(gateway.port) as client:
        client.send(chat(CHUNKED, body=b""))
        client.send(rest)
        answer = client.read(5)
    assert answer.statuses[:1] == [431]
    assert answer.closed
    assert upstream.requests == []


def test_trailers_say_nothing(gateway: Gateway, upstream: Upstream) -> None:
    """Wanted: another user's memory, by a header behind the body, after the door has looked."""
    with RawClient(gateway.port) as client:
        trailers = b"x-memory-user-id: victim\r\nauthorization: Bearer x\r\nhost: evil.example\r\n\r\n"
        client.send(chat(CHUNKED, CLOSE, body=CHUNKS[:-2] + trailers))
        assert client.read().status == 200
    assert upstream.requests[0].header("x-sm-user-id") == "default-dev"


def test_a_silent_connection_is_closed(gateway: Gateway) -> None:
    """Wanted: all connections of the server, by opening them and saying nothing."""
    with RawClient(gateway.port) as client:
        answer = client.read(5)
    assert (answer.raw, answer.closed) == (b"", True)


@pytest.mark.parametrize("start", [b"GET /re", request("GET /ready", "x-a: b")[:-2], b"\r\n\r\n"])
def test_a_slow_head_is_given_up(gateway: Gateway, start: bytes) -> None:
    """Wanted: the same with half a head, or with empty lines: 408 after the deadline, and the connection ends."""
    with RawClient(gateway.port) as client:
        client.send(start)
        answer = client.read(5)
    assert (answer.status, answer.error["code"]) == (408, "request_timeout")
    assert answer.closed


def test_a_dripping_head_gains_no_time(gateway: Gateway) -> None:
    """Wanted: a connection for ever, by one header just before every deadline. The deadline is for the whole head."""
    with RawClient(gateway.port) as client:
        client.send(b"GET /ready HTTP/1.1\r\n")
        answer = None
        for _ in range(200):
            if not client.send(b"x-a: b\r\n") or (answer := client.read(SHORT_S / 5)).closed:
                break
        assert answer is not None
        assert answer.closed


def test_a_slow_head_on_a_used_connection_is_given_up(gateway: Gateway) -> None:
    """Wanted: a connection for ever, behind one honest request that passes every first check."""
    with RawClient(gateway.port) as client:
        client.send(request("GET /ready"))
        client.read_until(READY)
        client.send(b"GET /re")
        answer = client.read(5)
    assert (answer.status, answer.closed) == (408, True)


def test_a_dripping_body_is_given_up(gateway: Gateway, upstream: Upstream) -> None:
    """Wanted: a worker for ever, by one byte of the body just before every idle deadline: 408 at the total one."""
    with RawClient(gateway.port) as client:
        client.send(chat("content-length: 5000", body=b"{"))
        for _ in range(200):
            if (answer := client.read(SHORT_S / 3)).raw or not client.send(b" "):
                break
    assert (answer.status, answer.error["code"]) == (408, "request_timeout")
    assert upstream.requests == []


def test_the_interceptor_has_the_same_patience(stage: Stage) -> None:
    """Wanted: the same behind the interceptor, whose key would be spent: head and body have their deadlines there."""
    target = stage.upstream.base.removesuffix("/v1")
    patience = {"body_idle_s": 2 * SHORT_S, "body_total_s": 4 * SHORT_S}
    interceptor = stage.enter(ServedInterceptor(stage.loop, target=target, head_s=SHORT_S, **patience))
    for start in (b"GET /re", chat("content-length: 5000", body=b"{"), chat(CHUNKED, body=b"1\r\n{\r\n")):
        with RawClient(interceptor.port) as client:
            client.send(start)
            assert client.read(5).status == 408
    with RawClient(interceptor.port) as client:
        client.send(chat("content-length: 5000", body=b"{"))
        for _ in range(200):
            if (answer := client.read(SHORT_S / 3)).raw or not client.send(b" "):
                break
    assert answer.status == 408


def test_a_body_that_is_refused_does_not_hold_the_connection(gateway: Gateway) -> None:
    """Wanted: a connection for ever, by a body without end behind a request that has its answer already."""
    with RawClient(gateway.port) as client:
        client.send(request("POST /nope", CHUNKED, body=b""))
        client.read_until(b"route_not_found")
        sent = 0
        while client.send(b"400\r\n" + b"x" * 1024 + b"\r\n") and not client.read(SHORT_S / 5).closed:
            sent += 1
            assert sent < 500


def test_a_body_that_ends_after_its_refusal_keeps_the_connection(gateway: Gateway) -> None:
    """No false alarm: clients send head and body apart, and go on using a connection after a 404."""
    with RawClient(gateway.port) as client:
        client.send(request("POST /nope", "content-length: 5", body=b""))
        client.read_until(b"}}")
        client.send(b"hello")
        client.send(request("GET /ready", CLOSE))
        assert client.read().status == 200


def test_an_oversized_chunk_is_no_promise(gateway: Gateway, upstream: Upstream) -> None:
    """Wanted: a buffer of the size that a chunk announces. It is only read as it comes, and given up as any body."""
    with RawClient(gateway.port) as client:
        client.send(chat(CHUNKED, body=b"ffffffffffffffff\r\n" + BODY))
        answer = client.read(5)
    assert (answer.status, answer.closed) == (408, True)
    assert upstream.requests == []


def test_garbage_behind_a_request_does_not_get_its_answer(gateway: Gateway, upstream: Upstream) -> None:
    """Wanted: an error in front of the answer of the request before, so that a proxy mixes up its clients."""
    with RawClient(gateway.port) as client:
        client.send(chat(LENGTH) + b"NONSENSE\r\n\r\n")
        answer = client.read(5)
    assert (answer.status, answer.closed) == (200, True)
    assert len(upstream.requests) == 1


def test_a_broken_chunk_does_not_write_into_an_answer(gateway: Gateway, upstream: Upstream) -> None:
    """Wanted: two answers to one request, by breaking the body while it is read: one 400, and no second response."""
    with RawClient(gateway.port) as client:
        client.send(chat(CHUNKED, body=b'5\r\n{"mod\r\n'))
        client.send(b"zz\r\n")
        answer = client.read(5)
    assert (answer.status, answer.closed) == (400, True)
    assert upstream.requests == []


def test_a_request_behind_the_last_one_is_not_run(gateway: Gateway, upstream: Upstream) -> None:
    """Wanted: a hidden request behind one that says `Connection: close`, where a proxy stops reading."""
    with RawClient(gateway.port) as client:
        client.send(request("GET /ready", CLOSE) + chat(LENGTH))
        answer = client.read(5)
    assert (answer.status, answer.closed) == (200, True)
    assert upstream.requests == []


def test_pipelined_requests_are_answered_in_order(gateway: Gateway) -> None:
    """No false alarm: a few requests in one packet are allowed, and get their answers in order."""
    with RawClient(gateway.port) as client:
        client.send(request("GET /ready") + request("GET /nope") + request("GET /ready", CLOSE))
        assert client.read().statuses == [200, 404, 200]


def test_endless_pipelining_is_cut_off(gateway: Gateway, upstream: Upstream) -> None:
    """Wanted: memory for thousands of requests in one packet. The first one is answered, and the connection ends."""
    upstream.script(held("hi"))
    with RawClient(gateway.port) as client:
        client.send(chat(LENGTH) + request("GET /ready") * 5000)
        upstream.wait_requests()
        upstream.release.set()
        answer = client.read(5)
    assert (answer.status, answer.closed) == (200, True)


@pytest.mark.parametrize("protocol", ["websocket", "h2c", "TLS/1.0", "magic"])
def test_an_upgrade_is_overlooked(gateway: Gateway, upstream: Upstream, protocol: str) -> None:
    """Wanted: a connection that the server stops reading but keeps. It answers as if nobody had asked.

    Java's HTTP client asks for h2c with its first request, body and all: that request is answered, too.
    """
    upgrade = (f"upgrade: {protocol}", "http2-settings: AAMAAABkAAQAAP__")
    with RawClient(gateway.port) as client:
        client.send(request("GET /ready", "connection: upgrade, http2-settings", *upgrade))
        client.read_until(READY)
        client.send(request("POST /nope", "connection: upgrade, close", LENGTH, *upgrade, body=BODY))
        answer = client.read(5)
    assert (answer.status, answer.closed) == (404, True)


def test_an_upgrade_hides_no_second_request(gateway: Gateway, upstream: Upstream) -> None:
    """Wanted: a second request inside the first one's body, for a parser that skips bodies of upgrades."""
    inner = chat(LENGTH)
    outer = request("POST /nope", "connection: upgrade", "upgrade: h2c", f"content-length: {len(inner)}", body=inner)
    with RawClient(gateway.port) as client:
        client.send(outer + request("GET /ready", CLOSE))
        assert client.read(5).statuses == [404, 200]
    assert upstream.requests == []


def test_many_upgrades_in_one_packet_are_cut_off(gateway: Gateway) -> None:
    """Wanted: a stack overflow, by thousands of requests that are each read again."""
    upgrade = request("GET /ready", "connection: upgrade", "upgrade: h2c")
    with RawClient(gateway.port) as client:
        client.send(upgrade * 3000)
        answer = client.read(5)
    assert answer.closed
    assert set(answer.statuses) <= {200, 503}


def test_a_client_that_leaves_early_frees_what_it_held(gateway: Gateway, upstream: Upstream) -> None:
    """Wanted: work that goes on for nobody. The provider's request ends with its client."""
    upstream.script(hang())
    with RawClient(gateway.port) as client:
        client.send(chat(LENGTH))
        upstream.wait_requests()
    assert upstream.wait_dropped()


def test_connections_are_bounded(stage: Stage) -> None:
    """Wanted: every connection that the process may have. Beyond the bound: 503 with `Retry-After`, and room later."""
    gateway = stage.gateway(max_connections=4)
    open_ones = [RawClient(gateway.port).__enter__() for _ in range(4)]
    with RawClient(gateway.port) as client:
        answer = client.read(5)
        assert (answer.status, answer.header("retry-after"), answer.closed) == (503, "1", True)
    for one in open_ones:
        one.__exit__()


def test_requests_at_once_are_bounded(stage: Stage) -> None:
    """Wanted: memory by requests that wait. Beyond the bound: 503 with `Retry-After`; who asks for health gets it."""
    gateway = stage.gateway(max_requests=2)
    stage.upstream.script(hang())
    with RawClient(gateway.port) as first, RawClient(gateway.port) as second:
        first.send(chat(LENGTH))
        second.send(chat(LENGTH))
        stage.upstream.wait_requests(2)
        reply = gateway.chat()
        assert (reply.status, reply.error["code"], reply.headers["retry-after"]) == (503, "gateway_busy", "1")
        assert gateway.get("/ready").status == 200


def test_an_answer_that_nobody_takes_is_given_up(stage: Stage) -> None:
    """Wanted: a provider's connection for ever, by asking for a long answer and never reading it."""
    gateway = stage.gateway(stall_s=SHORT_S)
    big = json.dumps({"id": "c", "object": "chat.completion", "choices": [], "x": "y" * 8_000_000}).encode()
    from aiohttp import web

    async def large(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=big, content_type="application/json")

    stage.upstream.script(large)
    with RawClient(gateway.port, receive_buffer=4096) as client:
        client.send(chat(LENGTH))
        client.read_until(b"HTTP/1.1 200")
        gateway.wait_connections(0)
