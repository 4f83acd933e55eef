"""Attacks by which the gateway would connect where it must not, or hand the operator's secrets to a stranger.

Nothing leaves this machine: names are resolved by the test, and what an attack would reach is a server on loopback.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from mini_agent.app import Ports
from mini_agent.net.egress import CheckedHost, Egress, Resolver, kind_of, system_resolver
from mini_agent.settings.schema import McpServer
from mini_agent.tools.http import HttpInvoker
from mini_agent.tools.mcp.invoker import McpInvoker
from mini_agent.tools.mcp.pool import McpPool
from support.gateway import Gateway, Stage
from support.http_tools import SPECS
from support.mcp_servers.http_server import serve_mcp
from support.tool_calls import call, calling
from support.tool_host import Reply, ToolHost
from support.upstream import answer, completion

SECRET = "tool-secret-5f1e"
ENVIRON = {"MINI_AGENT_TOOL_HTTP_HEADERS": json.dumps({"Authorization": f"Bearer {SECRET}", "X-Env": "A"})}


class Names:
    """A resolver with the names of a test; spellings of numbers are read by the system. asked: every look-up."""

    def __init__(self, **names: Sequence[Sequence[str]]) -> None:
        self._names = {name.replace("_", "."): list(answers) for name, answers in names.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Returns: the next answer of the name, the last one for ever."""
        self.asked.append(host)
        if host not in self._names:
            return await system_resolver(host, port)
        answers = self._names[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


def run_at(gateway: Gateway, base: str, **more: Any) -> Any:
    """Returns: the answer to an agent run whose tools are said to be at this address."""
    body = {"model": "m1", "messages": [{"role": "user", "content": "go"}], "tool_backend": "http"}
    return gateway.post("/agent/run", {**body, "tool_http_base_url": base, **more})


def gateway_of(stage: Stage, resolve: Resolver, environ: dict[str, str] | None = None, **more: Any) -> Gateway:
    """Returns: a gateway whose clients' host names are resolved by the test."""
    return stage.gateway(environ={**ENVIRON, **(environ or {})}, ports=replace(Ports(), resolve=resolve), **more)


@pytest.mark.parametrize(
    ("wanted", "base"),
    [
        ("credentials of the machine's role in a cloud", "http://169.254.169.254/latest/meta-data"),
        ("the same, as an IPv4 address within IPv6", "http://[::ffff:169.254.169.254]"),
        ("the same, through NAT64", "http://[64:ff9b::a9fe:a9fe]"),
        ("the same, through 6to4", "http://[2002:a9fe:a9fe::1]"),
        ("the same, through Teredo", "http://[2001:0:1:1:0:0:5601:5601]"),
        ("the same, as one decimal number", "http://2852039166"),
        ("the same, as one hexadecimal number", "http://0xa9fea9fe"),
        ("the same, in octal", "http://0251.0376.0251.0376"),
        ("the same, in wide digits", "http://１６９.２５４.１６９.２５４"),
        ("the same, with other stops", "http://169。254。169。254"),
        ("the same, in circled digits", "http://①⑥⑨.②⑤④.①⑥⑨.②⑤④"),
        ("the same, of a container at AWS", "http://169.254.170.2"),
        ("the same at Alibaba, inside of the carrier's range", "http://100.100.100.200"),
        ("the same at AWS over IPv6, inside of the private range", "http://[fd00:ec2::254]"),
        ("Azure's control channel, at a public address", "http://168.63.129.16"),
        ("a neighbour on the link", "http://[fe80::1]"),
        ("a neighbour on the link, with a zone", "http://[fe80::1%25eth0]"),
        ("a router", "http://192.168.1.1"),
        ("a service of the operator's network", "http://10.0.0.5:8080"),
        ("the same, compatible with IPv4", "http://[::10.0.0.5]"),
        ("a container's host", "http://172.17.0.1"),
        ("a neighbour at the carrier", "http://100.64.0.1"),
        ("a service of a private IPv6 network", "http://[fd12::1]"),
        ("a service of a site", "http://[fec0::1]"),
        ("this machine, as the unspecified address", "http://0.0.0.0"),
        ("this machine, as nothing", "http://0"),
        ("this machine, unspecified in IPv6", "http://[::]"),
        ("everybody on the link", "http://224.0.0.1"),
        ("everybody on the link, in IPv6", "http://[ff02::1]"),
        ("everybody", "http://255.255.255.255"),
        ("the metadata service behind a name of the attacker's", "http://rebound.example"),
        ("a router behind a name that is public, too", "http://half.example"),
        ("a router behind a name with a dot at its end", "http://router.example."),
    ],
)
def test_addresses_that_a_client_must_not_reach(stage: Stage, wanted: str, base: str) -> None:
    """The attacker wants the gateway to connect there for it: refused by address, before any connection."""
    names = Names(
        rebound_example=[["169.254.169.254"]],
        half_example=[["93.184.216.34", "192.168.1.1"]],
        router_example_=[["192.168.1.1"]],
    )
    reply = run_at(gateway_of(stage, names), base)
    assert (reply.status, reply.error["code"], stage.upstream.requests) == (400, "tool_host_not_allowed", []), wanted
    assert SECRET not in reply.body.decode()


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "x" * 300, "a..b", "xn--\x7f", "-", "a%00b", "b\udc80"])
def test_names_that_are_none(stage: Stage, host: str) -> None:
    """The attacker wants a 500, or a resolver that gives up its text: such a host is refused, or just not there."""
    reply = run_at(gateway_of(stage, system_resolver), f"http://{host}:9")
    assert reply.status in (200, 400)


@pytest.mark.parametrize(
    ("wanted", "spelling"),
    [
        ("a service of the gateway's machine", "127.0.0.1"),
        ("the same by name", "localhost"),
        ("the same, shortened", "127.1"),
        ("the same, as a number", "2130706433"),
        ("the same, within IPv6", "[::ffff:127.0.0.1]"),
        ("the same, by a name of the attacker's", "mine.example"),
    ],
)
def test_loopback_of_a_gateway_that_serves_others(stage: Stage, wanted: str, spelling: str) -> None:
    """Bound elsewhere, loopback is private: the attacker wants what only this machine may reach."""
    host = stage.tool_host(SPECS)
    port = host.url.rpartition(":")[2]
    names = Names(mine_example=[["127.0.0.1"]])
    reply = run_at(gateway_of(stage, names, host="0.0.0.0", allow_open=True), f"http://{spelling}:{port}")
    assert (reply.status, reply.error["code"], host.requests) == (400, "tool_host_not_allowed", []), wanted


def test_what_the_operator_lists_is_reached_from_a_gateway_that_serves_others(stage: Stage) -> None:
    """The guard is no wall: a listed private host is connected to, with the operator's headers; metadata never is."""
    host = stage.tool_host(SPECS)
    stage.upstream.script(answer("done"))
    listed = {"MINI_AGENT_TOOL_HTTP_ALLOW_HOSTS": f"{host.url.removeprefix('http://')},169.254.169.254"}
    gateway = gateway_of(stage, Names(), listed, host="0.0.0.0", allow_open=True)
    assert run_at(gateway, host.url).status == 200
    assert [request.values("authorization") for request in host.requests] == [[f"Bearer {SECRET}"]]
    assert run_at(gateway, "http://169.254.169.254").error["code"] == "tool_host_not_allowed"


def test_a_name_that_answers_differently_the_second_time(stage: Stage) -> None:
    """The attacker wants to be judged by one address and connected to another: the name is asked once."""
    host = stage.tool_host(SPECS, Reply({"ok": True, "text": "from the judged address"}))
    names = Names(turning_example=[["127.0.0.1"], ["169.254.169.254"]])
    stage.upstream.script(answer(completion(None, tool_calls=[call("Lookup")])), answer("done"))
    reply = run_at(gateway_of(stage, names), f"http://turning.example:{host.url.rpartition(':')[2]}")
    assert (reply.status, reply.json()["last_tool_invocation"]["result"]) == (200, "from the judged address")
    assert [request.method for request in host.requests] == ["GET", "POST"]
    assert names.asked == ["turning.example"]


def test_a_strangers_host_gets_no_secret_of_the_operator() -> None:
    """The attacker wants the operator's tool headers at its own host: they stay, and the operator is told."""
    told: list[bool] = []

    async def main() -> None:
        async with ToolHost(SPECS) as host:
            port = int(host.url.rpartition(":")[2])
            invoker = HttpInvoker(
                base_url=f"http://evil.example:{port}",
                headers={"X-Mine": "1"},
                default_headers={"authorization": f"Bearer {SECRET}", "x-env": "A"},
                egress=Egress(resolve=Names(evil_example=[["93.184.216.34"]])),
                session_factory=lambda _: aiohttp.ClientSession(connector=_to_loopback()),
                on_withheld=lambda: told.append(True),
            )
            await calling(invoker, "Lookup")
            await calling(invoker, "Lookup")
            await invoker.aclose()
            for request in host.posts:
                assert [request.values(name) for name in ("x-mine", "authorization", "x-env")] == [["1"], [], []]

    asyncio.run(main())
    assert told == [True]


class _Loopback(AbstractResolver):
    """Takes every name for this machine."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Returns: loopback."""
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=2, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing to free."""


def _to_loopback() -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(resolver=_Loopback())


def test_a_host_outside_of_the_list_gets_nothing_at_all(stage: Stage) -> None:
    """With a list, the attacker's host on the same machine, on another port, is not even connected to."""
    host, evil = stage.tool_host(SPECS), stage.tool_host(SPECS)
    environ = {"MINI_AGENT_TOOL_HTTP_ALLOW_HOSTS": host.url.removeprefix("http://")}
    reply = run_at(gateway_of(stage, Names(), environ), evil.url)
    assert (reply.status, reply.error["code"], evil.requests) == (400, "tool_host_not_allowed", [])


@pytest.mark.parametrize(
    ("bound", "listed", "checked", "expected"),
    [
        (True, (), CheckedHost("h", 80, ("127.0.0.1",), listed=False, loopback=True), True),
        (True, (), CheckedHost("h", 80, ("93.184.216.34",), listed=False, loopback=False), False),
        (False, (), CheckedHost("h", 80, ("127.0.0.1",), listed=False, loopback=True), False),
        (True, ("t",), CheckedHost("h", 80, ("127.0.0.1",), listed=False, loopback=True), False),
        (False, ("h",), CheckedHost("h", 80, ("93.184.216.34",), listed=True, loopback=False), True),
    ],
)
def test_who_may_have_secrets(bound: bool, listed: tuple[str, ...], checked: CheckedHost, expected: bool) -> None:
    """A listed host; without a list our own machine, while nobody else is served."""
    assert Egress(listed, bound_to_loopback=bound).may_have_secrets(checked) is expected


def test_a_redirect_is_not_followed(stage: Stage) -> None:
    """The attacker's tool host sends the gateway, with its headers, to another: that one is never asked."""
    evil = stage.tool_host(SPECS)
    host = stage.tool_host(SPECS, Reply("moved", 307, {"Location": f"{evil.url}/invoke"}))
    stage.upstream.script(answer(completion(None, tool_calls=[call("Lookup")])), answer("done"))
    reply = run_at(gateway_of(stage, Names()), host.url)
    assert reply.status == 200
    assert "HTTP 307" in reply.body.decode()
    assert evil.requests == []


@pytest.mark.parametrize(
    "name",
    "Host Connection Keep-Alive Proxy-Authorization Proxy-Connection TE Trailer Transfer-Encoding Upgrade "
    "Content-Length Expect hOST".split(),
)
def test_headers_that_say_where_a_message_goes_or_ends(stage: Stage, name: str) -> None:
    """The attacker wants another virtual host, or a second request inside of the first: such a header is refused."""
    host = stage.tool_host(SPECS)
    reply = run_at(gateway_of(stage, Names()), host.url, tool_http_headers={name: "evil.example"})
    assert (reply.status, reply.error["param"], host.requests) == (400, "tool_http_headers", [])


def listed_by(url: str, resolve: Resolver | None = None, **egress: Any) -> tuple[list[Any], str]:
    """Returns: the tools that a configured MCP server is found to have, and what a call of its tool answers."""

    async def main() -> tuple[list[Any], str]:
        server = McpServer(transport="http", url=url, timeout=5, auth_type="bearer", auth_value=SECRET)
        made = Egress(resolve=resolve or system_resolver, **egress)
        pool = McpPool({"web": server}, {}, made)
        try:
            invoker = McpInvoker(pool)
            return await invoker.list_tools(), json.dumps(await calling(invoker, "add", {"a": 1, "b": 2}))
        finally:
            await pool.aclose()

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("wanted", "host", "more"),
    [
        ("the metadata service, by whoever can write the configuration", "169.254.169.254", {}),
        ("a private service, by the same", "10.0.0.5", {}),
        ("the metadata service, by whoever holds the server's name", "mcp.example", {}),
        ("this machine's services, from a gateway that serves others", "127.0.0.1", {"bound_to_loopback": False}),
        ("the metadata service although it is listed", "169.254.169.254", {"allow_hosts": ["169.254.169.254"]}),
    ],
)
def test_mcp_servers_at_forbidden_addresses(
    wanted: str, host: str, more: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Such a server only lacks its tools, and the log says why, without its credentials."""
    specs, called = listed_by(f"http://{host}:9/mcp", Names(mcp_example=[["169.254.169.254"]]), **more)
    assert specs == [], wanted
    assert "unknown tool" in called
    assert "is not allowed: it has a" in caplog.text
    assert SECRET not in caplog.text


def test_an_mcp_name_that_turns_after_the_check() -> None:
    """The holder of the server's name wants later connections of the session elsewhere: it is asked once."""
    with serve_mcp() as server:
        names = Names(localhost=[["127.0.0.1"], ["169.254.169.254"]])
        url = server.url.replace("127.0.0.1", "localhost")
        specs, called = listed_by(url, names)
        assert specs
        assert '"3"' in called
        assert names.asked == ["localhost"]
        assert {headers["host"].partition(":")[0] for headers in server.headers} == {"localhost"}


def test_an_mcp_server_that_redirects_with_our_credentials(stage: Stage) -> None:
    """The server wants its bearer value sent to another host and port: the redirect is not followed."""
    asked: list[str] = []

    async def note(request: web.Request) -> web.Response:
        asked.append(request.headers.get("authorization", ""))
        return web.json_response({})

    evil = web.Application()
    evil.router.add_route("*", "/{path:.*}", note)
    evil_url = stage.serve(evil)

    async def redirect(_: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(f"{evil_url}/mcp")

    moved = web.Application()
    moved.router.add_route("*", "/{path:.*}", redirect)
    specs, _ = listed_by(f"{stage.serve(moved)}/mcp")
    assert (specs, asked) == ([], [])


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:5db8:d822", "64:ff9b::5db8:d822"])
def test_public_addresses_pass(address: str) -> None:
    """The guard refuses nothing that is public, in whatever form."""
    assert kind_of(address) == "public"
    checked = asyncio.run(Egress(bound_to_loopback=False).check(address, 443))
    assert (checked.addresses, checked.loopback) == ((address,), False)


def test_a_name_without_addresses_is_not_an_internal_error() -> None:
    """A resolver that knows nothing makes the host unreachable, whatever it answers with."""

    async def nothing(_host: str, _port: int) -> Sequence[str]:
        return []

    with pytest.raises(OSError, match="no address"):
        asyncio.run(Egress(resolve=nothing).check("void.example", 80))
