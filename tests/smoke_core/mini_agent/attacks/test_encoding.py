"""Attacks by encoding: bytes, types and names that two readers read differently, or that break the one who reads.

Every row says what an attacker wants. A refusal is a 4xx in the envelope; nothing is a 500, and no secret comes back.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator

import pytest
from aiohttp import web

from mini_agent.core.text import MAX_DIGITS, load_json
from support.gateway import UPSTREAM_KEY, Gateway, Stage
from support.http_client import HttpClient
from support.raw_client import RawAnswer, RawClient, request
from support.upstream import Upstream, answer

KEY = "mk-encoding-0123456789"
JSON = "content-type: application/json"
CHAT = {"model": "m1", "messages": [{"role": "user", "content": "hi"}]}
RAW = json.dumps(CHAT).encode()
MODES = ["sdk", "sdk, key", "forward", "forward, key"]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One provider."""
    with Stage(tmp_path_factory.mktemp("encoding")) as stage:
        yield stage


@pytest.fixture(scope="module")
def gateways(stage: Stage) -> Iterator[dict[str, Gateway]]:
    """Both modes, with and without a key; the log at its most talkative."""
    found = {}
    for name in MODES:
        mode, _, key = name.partition(", ")
        environ = {
            "MINI_AGENT_PROVIDER_MODE": mode,
            "MINI_AGENT_FORWARD_URL": stage.upstream.base[:-3],
            "MINI_AGENT_FORWARD_KEY": UPSTREAM_KEY,
            "MINI_AGENT_LOG_LEVEL": "debug",
            **({"MINI_AGENT_MASTER_KEY": KEY} if key else {}),
        }
        found[name] = stage.gateway(environ=environ, headers={"authorization": f"Bearer {KEY}"} if key else {})
    yield found
    for gateway in found.values():
        gateway.stop()


@pytest.fixture
def upstream(stage: Stage) -> Upstream:
    """The provider, its log empty."""
    stage.upstream.forget()
    stage.upstream.script(answer("hi"))
    return stage.upstream


def send(gateway: HttpClient, body: bytes, *lines: str | bytes, target: str = "/v1/chat/completions") -> RawAnswer:
    """Returns: what a POST of these bytes with exactly these headers gets, beside the gateway's key."""
    own = [f"{name}: {value}" for name, value in gateway.headers.items()]
    with RawClient(gateway.port) as client:
        head = [*own, *lines, f"content-length: {len(body)}", "connection: close"]
        client.send(request(f"POST {target}", *head, body=body))
        return client.read()


BODIES = {
    "JSON in UTF-16, which a filter in front does not read": json.dumps(CHAT).encode("utf-16"),
    "JSON in UTF-32": json.dumps(CHAT).encode("utf-32"),
    "a byte order mark that hides the first brace": b"\xef\xbb\xbf" + RAW,
    "a body that is packed twice": gzip.compress(gzip.compress(RAW)),
    "a bomb of 20 MB in 20 KB": gzip.compress(b" " * 20_000_000),
    "a body in UTF-7": b"+AHs-",
    "bytes that are no UTF-8": RAW.replace(b"hi", b"\xff\xfe"),
    "overlong UTF-8": RAW.replace(b"hi", b"\xc0\xaf"),
    "half a surrogate pair as bytes": RAW.replace(b"hi", b"\xed\xa0\x80"),
    "a null byte behind the end": RAW + b"\0",
    "a second value behind the first": RAW + b'{"model":"other"}',
    "comments": b"/* */" + RAW,
    "a number beyond all": RAW[:-1] + b', "max_tokens": ' + b"9" * 5000 + b"}",
    "infinity": RAW[:-1] + b', "temperature": Infinity}',
    "nesting that ends the stack": b'{"model":"m1","messages":' + b"[" * 100_000,
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies_that_are_not_json_in_utf8(
    gateways: dict[str, Gateway], upstream: Upstream, mode: str, body: bytes
) -> None:
    """Wanted: a body that is checked as one thing and read as another, or a crash: 400, and nothing goes out."""
    reply = send(gateways[mode], body, JSON)
    assert reply.status == 400
    assert reply.error["request_id"] == reply.header("x-request-id")
    assert upstream.requests == []


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "identity, gzip", "GZIP", "x-gzip"])
def test_bodies_that_say_they_are_packed(gateways: dict[str, Gateway], upstream: Upstream, coding: str) -> None:
    """Wanted: a bomb, or a body that only the next one unpacks: 415 before it is read, in both modes."""
    packed = zlib.compress(RAW) if coding == "deflate" else gzip.compress(RAW)
    for mode in ("sdk", "forward"):
        assert send(gateways[mode], packed, JSON, f"content-encoding: {coding}").status == 415
    assert upstream.requests == []


ODD_TEXT = {
    "half a surrogate pair": "\\ud83d",
    "halves the wrong way round": "\\ude00\\ud83d",
    "a null": "\\u0000",
    "controls": "\\u0001\\u001b[31m\\u0007",
    "a right-to-left override": "\\u202e",
    "a line separator": "\\u2028",
    "an event of its own": "\\n\\ndata: [DONE]\\n\\n",
    "a closing tag of ours": "</relevant_context>",
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("text", ODD_TEXT.values(), ids=ODD_TEXT)
def test_text_that_cannot_be_written(gateways: dict[str, Gateway], upstream: Upstream, mode: str, text: str) -> None:
    """Wanted: a 500, a broken log or a broken stream, by text that JSON can hold and UTF-8 or SSE cannot."""
    gateway = gateways[mode]
    body = RAW.replace(b"hi", text.encode())
    assert send(gateway, body, JSON).status in (200, 400)
    assert send(gateway, RAW.replace(b'"m1"', b'"' + text.encode() + b'"'), JSON).status in (400, 404)
    run = json.dumps({**CHAT, "use_tools": True}).encode().replace(b"hi", text.encode())
    assert send(gateway, run, JSON, target="/agent/run").status in (200, 400)
    assert [line for line in gateway.log_lines() if line["level"] == "error"] == []


#: Lines with the status that they lead to; None for 401 where there is a key.
HEADERS = {
    "a user in bytes that are no UTF-8": (b"x-memory-user-id: \xff\xfe", 200),
    "a user in UTF-8": ("x-memory-user-id: gr\u00fc\u00dfe".encode(), 200),
    "a user with a space, which a log splits": (b"x-memory-user-id: a b", 400),
    "a user with a separator of lines": ("x-memory-user-id: a\u2028b".encode(), 400),
    "a user with an invisible override": ("x-memory-user-id: a\u202eb".encode(), 400),
    "a user of 7,000 characters": (b"x-memory-user-id: " + b"a" * 7000, 200),
    "an id that writes into the log": (b"x-request-id: a\tb", 200),
    "an id in UTF-8": ("x-request-id: \u00fc".encode(), 200),
    "a hop beyond all numbers": (b"x-mini-agent-hop: " + b"9" * 5000, 508),
    "a hop in other digits": ("x-mini-agent-hop: \u0663".encode(), 200),
    "a key in bytes that are no ASCII": (b"authorization: Bearer \xff\xfe", None),
    "a key with a null in it": (b"authorization: Bearer a\0b", 400),
    "a scheme without a key": (b"authorization: Bearer", None),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("line", "status"), HEADERS.values(), ids=HEADERS)
def test_headers_that_are_no_ascii(
    gateways: dict[str, Gateway], upstream: Upstream, mode: str, line: bytes, status: int | None
) -> None:
    """Wanted: another's memory, a second line in the log, or a 500, by what a header may hold."""
    gateway = gateways[mode]
    if line.startswith(b"authorization"):
        plain = HttpClient("127.0.0.1", gateway.port)
        expected = {status or (401 if "key" in mode else 200)}
    else:
        plain, expected = gateway, {status}
    reply = send(plain, RAW, JSON, line)
    assert {reply.status} == expected
    assert all(json.loads(text) for text in gateway.log_text().splitlines())


PATHS = {
    "climb out of the prefix": "/v1/../admin",
    "climb out, encoded": "/v1/%2e%2e/admin",
    "climb out, encoded twice": "/v1/%252e%252e/admin",
    "climb out with a backslash": "/v1/..%5cadmin",
    "reach chat past its checks": "/v1/chat/completions/",
    "reach chat by a second slash": "//v1/chat/completions",
    "reach chat by an encoded letter": "/v1/ch%61t/completions/",
    "reach chat in capitals": "/V1/CHAT/COMPLETIONS",
    "reach chat by a parameter": "/v1/chat/completions;x=1",
    "reach administration": "/v1/key/generate",
    "end the path early": "/v1/models%00/../key",
    "hide a line end": "/v1/x%0d%0aset-cookie:%20a=b",
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_paths_that_are_written_oddly(gateways: dict[str, Gateway], upstream: Upstream, mode: str, path: str) -> None:
    """Wanted: a route past its checks, or one of the process behind: 404, and nothing goes out."""
    reply = send(gateways[mode], RAW, JSON, target=path)
    assert reply.status == 404
    assert b"set-cookie" not in reply.raw.partition(b"\r\n\r\n")[0]
    assert upstream.requests == []


def test_an_encoded_letter_reaches_the_same_checks(gateways: dict[str, Gateway], upstream: Upstream) -> None:
    """Wanted: chat without a key, by a path that only looks different. It is the same route, with the same checks."""
    plain = HttpClient("127.0.0.1", gateways["forward, key"].port)
    assert send(plain, RAW, JSON, target="/v1/ch%61t/completions").status == 401
    assert upstream.requests == []


def test_a_provider_cannot_fill_the_jar_of_a_user(gateways: dict[str, Gateway], upstream: Upstream) -> None:
    """Wanted: memory for good, by cookies that every later request would carry. They are few, short, and sent back."""
    gateway = gateways["sdk"]

    async def sets(call: web.Request) -> web.StreamResponse:
        reply = web.json_response({"id": "c", "object": "chat.completion", "choices": [], "model": "m"})
        for number in range(90):
            reply.headers.add("set-cookie", f"c{len(upstream.requests)}-{number}={'x' * 20}")
        reply.headers.add("set-cookie", f"long={'y' * 5000}")
        return reply

    upstream.script(sets)
    for _ in range(5):
        assert gateway.chat(headers={"x-memory-user-id": "jar"}).status == 200
    sent = upstream.requests[-1].header("cookie") or ""
    assert 0 < len(sent) <= 8190
    assert "yyyy" not in sent
    info = gateway.get("/memory-routing/info", {"x-memory-user-id": "jar"}).json()
    assert 0 < info["session_info"]["cookie_count"] <= 200


def test_no_secret_comes_back_from_all_of_this(gateways: dict[str, Gateway]) -> None:
    """After every attack above: the logs hold neither the gateway's key nor the provider's."""
    for gateway in gateways.values():
        log = gateway.log_text() + gateway.get("/metrics").body.decode()
        assert KEY not in log
        assert UPSTREAM_KEY not in log


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("where", ["at the top", "in a container", "negative", "as JSON for the relay"])
def test_numbers_that_take_the_square_of_their_length(gateways: dict[str, Gateway], mode: str, where: str) -> None:
    """Wanted: seconds of everybody's time by 19 MB of numbers, each as long as Python reads: refused, unread."""
    digits = b"9" * 4300
    number = b"-" + digits if where == "negative" else digits
    many = b",".join([number] * 20)
    raw = b'{"model": "m1", "messages": [], "seed": [%s]}' % (b'{"x": [%s]}' % many if "container" in where else many)
    target = "/v1/rerank" if "relay" in where and mode.startswith("forward") else "/v1/chat/completions"
    answer = send(gateways[mode], raw, JSON, target=target)
    assert (answer.status, answer.error["code"]) == (400, "invalid_json")
    assert "a number has more than 400 digits" in answer.error["message"]


def test_long_digits_in_a_text_are_a_text(gateways: dict[str, Gateway], upstream: Upstream) -> None:
    """A conversation about pi, with a million of its digits, goes on as it is."""
    text = "3" * 1_000_000
    raw = json.dumps({"model": "m1", "messages": [{"role": "user", "content": text}], "seed": 10**18}).encode()
    assert send(gateways["sdk"], raw, JSON).status == 200
    assert upstream.requests[0].body["messages"][0]["content"] == text


@pytest.mark.parametrize("digits", [400, 401])
def test_json_of_tools_and_servers_has_the_same_bound(digits: int) -> None:
    """Wanted: the same by the answer of a tool host: 400 digits are read, one more is no JSON."""
    text = "[" + ",".join(["1" * digits] * 200) + "]"
    if digits == MAX_DIGITS:
        assert load_json(text) == [int("1" * digits)] * 200
    else:
        with pytest.raises(ValueError, match="more than 400 digits"):
            load_json(text)
