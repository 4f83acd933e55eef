"""Attacks from a web page.

A browser sends what any page tells it to, to this machine too, and the page reads what the browser lets it. Every row
says what the page's owner wants.

They run against the gateway in both modes, with and without a key, and against the interceptor.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from support.gateway import Stage
from support.http_client import HttpClient, Reply
from support.interceptor import ServedInterceptor
from support.raw_client import RawAnswer, RawClient, request

KEY = "mk-browser-0123456789"
EVIL = "http://evil.example"
LISTED = "https://ui.example"
CODE = {"model": "m1", "messages": [{"role": "user", "content": "```python\nprint(1)\n```"}], "use_tools": True}
CHAT = {"model": "m1", "messages": [{"role": "user", "content": "hi"}]}
FRONT_ENDS = ["sdk", "sdk, key", "forward", "forward, key", "interceptor"]


class Fronts:
    """Every server with a door: clients by name, and the provider behind them."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.upstream = stage.upstream
        self._clients = {(name, origins): self._start(name, origins) for name in FRONT_ENDS for origins in ("", LISTED)}

    def client(self, name: str, origins: str = "") -> HttpClient:
        """Returns: the client of a server. origins: pages that it lists."""
        self.upstream.forget()
        return self._clients[name, origins]

    def _start(self, name: str, origins: str) -> HttpClient:
        mode, _, key = name.partition(", ")
        if mode == "interceptor":
            settings = {"allowed_origins": frozenset({origins})} if origins else {}
            return self._stage.enter(
                ServedInterceptor(self._stage.loop, target=self._stage.upstream.base[:-3], api_key=KEY, **settings)
            )
        environ = {"MINI_AGENT_PROVIDER_MODE": mode, "MINI_AGENT_FORWARD_URL": self._stage.upstream.base[:-3]}
        if key:
            environ["MINI_AGENT_MASTER_KEY"] = KEY
        if origins:
            environ["MINI_AGENT_ALLOWED_ORIGINS"] = origins
        headers = {"authorization": f"Bearer {KEY}"} if key else {}
        return self._stage.gateway(environ=environ, headers=headers)


@pytest.fixture(scope="module")
def fronts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronts]:
    """All servers, one provider."""
    with Stage(tmp_path_factory.mktemp("browser")) as stage:
        yield Fronts(stage)


def assert_refused(reply: Reply, status: int, code: str) -> None:
    """Check status and code, and that no page may read the refusal."""
    assert (reply.status, reply.error["code"]) == (status, code)
    assert not [name for name in reply.headers if name.startswith("access-control-")]


FOREIGN_PAGES: dict[str, Mapping[str, str]] = {
    "drive the gateway from any page": {"origin": EVIL},
    "do so with a type that needs no preflight": {"origin": EVIL, "content-type": "text/plain"},
    "do so from a sandboxed frame, which has no origin": {"origin": "null"},
    "do so from a server on this machine, on another port": {"origin": "http://127.0.0.1:3000"},
    "do so from a local file or an app": {"origin": "file://"},
    "look like ours by a prefix": {"origin": "http://127.0.0.1.evil.example"},
    "look like ours by a user": {"origin": "http://127.0.0.1@evil.example"},
    "look like ours by a second origin": {"origin": f"{EVIL} http://127.0.0.1"},
    "look like ours by a path": {"origin": f"{EVIL}/http://127.0.0.1"},
    "send no origin at all": {"origin": ""},
    "ask without an origin, as an image does": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    "ask from a neighbour's name": {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
    "post a form to us": {
        "origin": EVIL,
        "content-type": "application/x-www-form-urlencoded",
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
    },
}


@pytest.mark.parametrize("front", FRONT_ENDS)
@pytest.mark.parametrize("headers", FOREIGN_PAGES.values(), ids=FOREIGN_PAGES)
def test_pages_of_others_reach_nothing(fronts: Fronts, front: str, headers: Mapping[str, str]) -> None:
    """Wanted: answers on somebody's bill, or code run on his machine, by a page that he only looks at.

    403 on every kind of route, before the body; nothing reaches a provider.
    """
    client = fronts.client(front)
    for method, path, body in (("POST", "/v1/chat/completions", CHAT), ("POST", "/agent/run", CODE)):
        sent = {"content-type": "application/json", **headers}
        assert_refused(client.request(method, path, json.dumps(body).encode(), sent), 403, "forbidden_origin")
    assert_refused(client.get("/v1/models", headers), 403, "forbidden_origin")
    assert fronts.upstream.requests == []


REBOUND = {
    "reach us under a name of the attacker": "evil.example",
    "do so with our port": "evil.example:8788",
    "hide it behind our address": "127.0.0.1.evil.example",
    "hide it in front of our address": "evil.example.127.0.0.1",
    "use an address that is not ours": "10.11.12.13",
    "use another writing of an address": "2130706433",
    "use a name that ends like ours": "evillocalhost",
    "use a link-local name": "printer.local",
}


@pytest.mark.parametrize("front", FRONT_ENDS)
@pytest.mark.parametrize("host", REBOUND.values(), ids=REBOUND)
def test_names_of_others_lead_nowhere(fronts: Fronts, front: str, host: str) -> None:
    """Wanted: DNS rebinding: the page's own name is made to mean this machine, and it reads the answers: 421."""
    client = fronts.client(front)
    for headers in ({"host": host}, {"host": host, "origin": f"http://{host}"}):
        assert_refused(client.post("/v1/chat/completions", CHAT, headers), 421, "misdirected_request")
        assert_refused(client.get("/healthz", headers), 421, "misdirected_request")
    assert fronts.upstream.requests == []


def test_the_body_of_a_refused_request_is_not_read(fronts: Fronts) -> None:
    """Wanted: 20 MB of memory by a request that is refused anyway. The answer comes before a byte of the body."""
    for line in (f"origin: {EVIL}", "content-type: text/plain"):
        raw = request("POST /v1/chat/completions", "content-length: 20000000", line)
        with RawClient(fronts.client("sdk").port) as client:
            client.send(raw)
            assert b" 4" in client.read_until(b"}}")[:15]


SIMPLE_TYPES = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "text/json"]
OTHER_TYPES = ["application/jsonx", "application/json-seq", "application/json; charset=utf-16", "json", "*/*"]


@pytest.mark.parametrize("front", FRONT_ENDS[:4])
@pytest.mark.parametrize("kind", [*SIMPLE_TYPES, *OTHER_TYPES])
def test_json_says_that_it_is_json(fronts: Fronts, front: str, kind: str) -> None:
    """Wanted: to send JSON as a type that a browser sends anywhere without asking first: 415 on every JSON route."""
    client = fronts.client(front)
    for path, body in (("/v1/chat/completions", CHAT), ("/chat/completions", CHAT), ("/agent/run", CODE)):
        answer = posted(client, path, body, [f"content-type: {kind}"] if kind else [])
        assert (answer.status, answer.error["code"]) == (415, "unsupported_media_type")
    assert fronts.upstream.requests == []


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON", "application/json; charset=utf-8; x=y"])
def test_json_with_parameters_is_json(fronts: Fronts, kind: str) -> None:
    """No false alarm: casing, blanks and parameters of the type are free."""
    assert posted(fronts.client("sdk"), "/v1/chat/completions", CHAT, [f"content-type: {kind}"]).status == 200


def test_a_body_has_one_type(fronts: Fronts) -> None:
    """Wanted: two types, one for the door and one for whoever reads behind it; or a packed body nobody can check."""
    for lines in (
        ["content-type: application/json", "content-type: text/plain"],
        ["content-type: application/json", "content-encoding: gzip"],
    ):
        assert posted(fronts.client("sdk"), "/v1/chat/completions", CHAT, lines).status == 415


@pytest.mark.parametrize("front", ["sdk, key", "forward, key"])
def test_who_has_no_key_learns_nothing_of_types(fronts: Fronts, front: str) -> None:
    """Without a key the answer is 401, whatever the body says it is."""
    client = HttpClient("127.0.0.1", fronts.client(front).port)
    for kind in ("text/plain", "application/json"):
        assert client.post("/v1/chat/completions", CHAT, {"content-type": kind}).status == 401


@pytest.mark.parametrize("front", FRONT_ENDS)
def test_our_own_names_and_pages_are_served(fronts: Fronts, front: str) -> None:
    """No false alarm: every loopback name, our own page, a typed address, a link that somebody follows."""
    client = fronts.client(front)
    path = "/health" if front == "interceptor" else "/healthz"
    for name in ("localhost", "LOCALHOST.", "api.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"):
        assert client.get(path, {"host": f"{name}:{client.port}"}).status == 200
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    own = {"origin": f"http://127.0.0.1:{client.port}", "sec-fetch-site": "same-origin"}
    for headers in (own, {"sec-fetch-site": "none"}, link):
        assert client.get(path, headers).status == 200
    assert client.post("/v1/chat/completions", CHAT, own).status == 200


@pytest.mark.parametrize("front", FRONT_ENDS)
def test_listed_pages_may_ask(fronts: Fronts, front: str) -> None:
    """What the operator lists works in a browser: preflight without a key, and answers that the page may read."""
    client = fronts.client(front, origins=LISTED)
    asks = {
        "origin": LISTED,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
        "access-control-request-private-network": "true",
    }
    preflight = HttpClient("127.0.0.1", client.port).request("OPTIONS", "/v1/chat/completions", None, asks)
    assert (preflight.status, preflight.body) == (204, b"")
    assert preflight.headers["access-control-allow-origin"] == LISTED
    assert preflight.headers["access-control-allow-methods"] == "POST"
    assert preflight.headers["access-control-allow-headers"] == "authorization,content-type"
    assert preflight.headers["access-control-allow-private-network"] == "true"
    assert fronts.upstream.requests == []
    for reply in (
        client.post("/v1/chat/completions", CHAT, {"origin": LISTED}),
        client.post("/nope", CHAT, {"origin": LISTED}),
    ):
        assert reply.headers["access-control-allow-origin"] == LISTED
        assert "Origin" in reply.headers["vary"]
        assert "access-control-allow-credentials" not in reply.headers


ALMOST_LISTED = {
    "the other scheme": "http://ui.example",
    "another port": f"{LISTED}:444",
    "a name below": "https://evil.ui.example",
    "a name that ends like it": "https://evilui.example",
    "the same with a path": f"{LISTED}/x",
    "another page": EVIL,
}


@pytest.mark.parametrize("front", FRONT_ENDS)
@pytest.mark.parametrize("origin", ALMOST_LISTED.values(), ids=ALMOST_LISTED)
def test_pages_beside_the_listed_one_are_refused(fronts: Fronts, front: str, origin: str) -> None:
    """Wanted: to pass for a page that is listed, in the request and in its preflight: 403 without a word of CORS."""
    client = fronts.client(front, origins=LISTED)
    assert_refused(client.post("/v1/chat/completions", CHAT, {"origin": origin}), 403, "forbidden_origin")
    asks = {"origin": origin, "access-control-request-method": "POST"}
    assert_refused(client.request("OPTIONS", "/v1/chat/completions", None, asks), 403, "forbidden_origin")
    assert fronts.upstream.requests == []


def test_a_preflight_repeats_nothing_that_could_end_a_line(fronts: Fronts) -> None:
    """Wanted: headers of the attacker's choice in our answer, by way of what a preflight asks for."""
    client = fronts.client("sdk", origins=LISTED)
    asks = {"origin": LISTED, "access-control-request-method": "POST", "access-control-request-headers": "a;b<script>"}
    reply = client.request("OPTIONS", "/v1/chat/completions", None, asks)
    assert (reply.status, reply.headers["access-control-allow-headers"]) == (204, "")
    odd = {**asks, "access-control-request-method": "P\u00d6ST"}
    assert client.request("OPTIONS", "/v1/chat/completions", None, odd).status == 405


def test_listed_hosts_are_ours(stage: Stage) -> None:
    """Behind a proxy the operator lists the public name, or all names below one; nothing beside them is served."""
    gateway = stage.gateway(environ={"MINI_AGENT_ALLOWED_HOSTS": "Gateway.Example, *.team.example"})
    for host in ("gateway.example", "GATEWAY.example:443", "a.b.team.example"):
        assert gateway.get("/ready", {"host": host}).status == 200
    for host in ("x.gateway.example", "team.example", "evilteam.example"):
        assert gateway.get("/ready", {"host": host}).status == 421


def test_a_server_bound_to_every_address_takes_addresses_but_no_names(stage: Stage) -> None:
    """Behind NAT a server does not know its addresses, and an address cannot be rebound: only names are refused."""
    gateway = stage.gateway(host="0.0.0.0", allow_open=True)
    assert gateway.get("/ready", {"host": "192.0.2.7:8788"}).status == 200
    assert gateway.get("/ready", {"host": "[2001:db8::1]"}).status == 200
    assert gateway.get("/ready", {"host": "evil.example"}).status == 421


def test_a_server_bound_to_one_address_takes_that_one(stage: Stage) -> None:
    """The bound address is a name of the server, in every writing of it; other addresses are not."""
    gateway = stage.gateway(host="2001:db8::1", allow_open=True)
    assert gateway.get("/ready", {"host": "[2001:DB8:0::1]:8788"}).status == 200
    assert gateway.get("/ready", {"host": "192.0.2.7"}).status == 421


def test_the_interceptor_lends_its_key_to_no_page(fronts: Fronts) -> None:
    """Wanted: the key that the interceptor adds, spent by a page. What was judged at this door says so no more."""
    client = fronts.client("interceptor")
    own = f"http://127.0.0.1:{client.port}"
    assert client.post("/v1/chat/completions", CHAT, {"origin": own}).status == 200
    seen = fronts.upstream.requests[-1]
    assert seen.header("origin") is None
    assert seen.header("authorization") == f"Bearer {KEY}"


def posted(client: HttpClient, path: str, body: Any, lines: list[str]) -> RawAnswer:
    """Returns: what a POST with exactly these headers gets, beside those of the client."""
    raw = json.dumps(body).encode()
    more = [f"{name}: {value}" for name, value in client.headers.items()]
    with RawClient(client.port) as connection:
        connection.send(
            request(f"POST {path}", *more, *lines, f"content-length: {len(raw)}", "connection: close", body=raw)
        )
        return connection.read()
