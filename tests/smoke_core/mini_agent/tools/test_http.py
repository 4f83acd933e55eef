"""The HTTP backend against a real host on loopback."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from mini_agent.agent import run
from mini_agent.agent.tool_values import ToolListingFailed
from mini_agent.agent.values import AgentConfig, AgentResult
from mini_agent.core.errors import InvalidParameter, ToolHostNotAllowed
from mini_agent.net.egress import CheckedHost, Egress
from mini_agent.tools.http import HttpInvoker
from support.agent_runs import tool_messages
from support.http_tools import SPECS, with_host
from support.scripted_model import ScriptedModel, asks, says
from support.tool_calls import call, calling
from support.tool_host import HostRequest, Reply, ToolHost


def _record(*replies: Any, **options: Any) -> dict[str, Any]:
    async def test(_: ToolHost, invoker: HttpInvoker) -> dict[str, Any]:
        record = await calling(invoker, "Lookup", {"q": 1})
        assert record.pop("t_ms") >= 0
        assert record.pop("name") == "Lookup"
        return record

    made: dict[str, Any] = with_host(test, *replies, **options)
    return made


def test_headers_reach_both_requests_as_specified() -> None:
    """On the wire: a request header replaces the default of any casing, once, as spelled; the rest stays."""

    async def test(host: ToolHost, invoker: HttpInvoker) -> None:
        await invoker.list_tools()
        await calling(invoker, "Lookup")
        assert [(request.method, request.path) for request in host.requests] == [("GET", "/tools"), ("POST", "/invoke")]
        for request in host.requests:
            assert (request.spellings("x-env"), request.values("x-env")) == (["X-Env"], ["B"])
            assert (request.spellings("x-req"), request.values("x-req")) == (["X-Req"], ["C"])
            assert (request.spellings("x-rest"), request.values("x-rest")) == (["x-rest"], ["D"])
            assert (request.spellings("authorization"), request.values("authorization")) == (
                ["aUTHORIZATION"],
                ["Bearer r"],
            )

    with_host(
        test,
        default_headers={"x-env": "A", "x-rest": "D", "authorization": "Bearer e"},
        headers={"X-Env": "B", "X-Req": "C", "aUTHORIZATION": "Bearer r"},
    )


@pytest.mark.parametrize("arguments", ['{"q":  1}', "{broken", "", {"q": [1]}, None])
def test_arguments_go_out_as_the_model_sent_them(arguments: Any) -> None:
    """Exactly one POST whose body is the name and the untouched arguments, text staying text."""

    async def test(host: ToolHost, invoker: HttpInvoker) -> None:
        made = call("Lookup") | {"function": {"name": "Lookup", "arguments": arguments}}
        await invoker.call(made)
        assert [request.json() for request in host.posts] == [{"name": "Lookup", "arguments": arguments}]
        assert host.posts[0].values("content-type") == ["application/json"]

    with_host(test)


def test_the_hosts_spelling_of_a_name_is_sent() -> None:
    """Names are case-insensitive for the model; the host gets its own."""

    async def test(host: ToolHost, invoker: HttpInvoker) -> None:
        await invoker.list_tools()
        await calling(invoker, "LOOKUP")
        assert host.posts[0].json()["name"] == "Lookup"

    with_host(test)


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ({"text": "t", "result": "r"}, "t"),
        ({"text": 5, "result": "r", "answer": "a"}, "r"),
        ({"answer": "a"}, "a"),
        ({"ok": True, "text": ""}, ""),
        ({"ok": True, "error": "", "x": 1}, '{"ok": true, "error": "", "x": 1}'),
        ({}, "{}"),
        ("plain text", "plain text"),
        ("", ""),
        ("[1, 2]", "[1, 2]"),
        ('"quoted"', '"quoted"'),
        ('{"text": NaN}', '{"text": NaN}'),
        ("[" * 5000, "[" * 5000),
        (b"\xff", "\ufffd"),
    ],
)
def test_successful_replies(body: Any, result: str) -> None:
    """An object answers with its first text or itself, any other body with its text, plain text included."""
    assert _record(Reply(body)) == {"ok": True, "result": result, "truncated": False}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"ok": False}, "the tool reported a failure"),
        ({"ok": False, "error": "e", "text": "t"}, "e"),
        ({"ok": True, "error": "e"}, "e"),
        ({"error": {"code": 1}}, '{"code": 1}'),
    ],
)
def test_replies_that_report_a_failure(body: Any, error: str) -> None:
    """`ok` false or a non-empty `error` fails the call."""
    assert _record(Reply(body)) == {"ok": False, "error": error}


def test_streams_of_a_failure_are_kept() -> None:
    """What the host says of stdout and stderr serves the repair."""
    body = {"ok": False, "error": "e", "stderr": "trace", "rc": 2}
    assert _record(Reply(body)) == {"ok": False, "error": "e", "stderr": "trace", "rc": 2}


@pytest.mark.parametrize("status", [400, 404, 500, 503, 301, 302, 307, 308])
def test_error_statuses_and_redirects_fail_without_a_second_request(status: int) -> None:
    """Any status but 2xx is `HTTP <code>: ` and 256 characters of body; redirects are not followed."""

    async def test(host: ToolHost, invoker: HttpInvoker) -> None:
        record = await calling(invoker, "Lookup")
        assert (record["ok"], record["error"]) == (False, f"HTTP {status}: " + "x" * 256)
        assert len(host.requests) == 1

    with_host(test, Reply("x" * 300, status, {"Location": "/invoke"}))


def test_listing_returns_the_hosts_specs() -> None:
    """Specs pass unchanged, bare functions are wrapped, what has no name is left out; all of them are callable."""
    bare = {"name": "bare", "parameters": {}}
    listed: list[Any] = [*SPECS, bare, {"function": {}}, "junk", None, {"type": "function"}]

    async def test(_: ToolHost, invoker: HttpInvoker) -> None:
        specs = await invoker.list_tools()
        assert specs == [*SPECS, {"type": "function", "function": bare}]
        for spec in specs:
            assert (await calling(invoker, spec["function"]["name"]))["ok"]

    with_host(test, tools=listed)


@pytest.mark.parametrize("body", ["<html>", '[{"name": "n", "x": NaN}]', '{"tools": []}', "", "null"])
def test_a_listing_that_is_no_list_is_empty(body: str) -> None:
    """A body that is no JSON list means no tools."""

    async def test(_: ToolHost, invoker: HttpInvoker) -> None:
        assert await invoker.list_tools() == []

    with_host(test, tools=Reply(body))


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_listing_with_an_error_status_fails(status: int) -> None:
    """The same error rule as for calls; the text for logs is without the body."""

    async def test(host: ToolHost, invoker: HttpInvoker) -> None:
        with pytest.raises(ToolListingFailed, match=f"^HTTP {status}: x{{256}}$") as caught:
            await invoker.list_tools()
        assert caught.value.log_text == f"HTTP {status}"
        assert len(host.requests) == 1

    with_host(test, tools=Reply("x" * 300, status, {"Location": "/tools"}))


@pytest.mark.parametrize(
    "base",
    [
        "ftp://h",
        "h:80",
        "",
        "http://",
        "file:///etc/passwd",
        "http://u:p@h",
        "http://h/?q=1",
        "http://h/#f",
        "http://[::1",
        "http://h:99999",
        "javascript:1",
    ],
)
def test_a_base_that_cannot_be_used_is_refused(base: str) -> None:
    """Only a plain http(s) base is taken; the refusal names the field and comes at construction."""
    with pytest.raises(InvalidParameter) as caught:
        HttpInvoker(base_url=base)
    assert caught.value.param == "tool_http_base_url"


def test_trailing_slashes_and_paths_of_the_base() -> None:
    """A trailing slash is removed, a path is kept."""

    async def main() -> list[str]:
        async with ToolHost(SPECS) as host:
            for suffix in ("/", "/deep/"):
                invoker = HttpInvoker(base_url=host.url + suffix)
                await calling(invoker, "Lookup")
                await invoker.aclose()
            return [request.path for request in host.requests]

    assert asyncio.run(main()) == ["/invoke", "/deep/invoke"]


@pytest.mark.parametrize(
    ("base", "allowed"),
    [
        ("http://tools.example", True),
        ("https://TOOLS.example:8443/x", True),
        ("http://other:81", True),
        ("http://other:82", False),
        ("http://other", False),
        ("http://[::1]:90", True),
        ("http://tools.example.evil", False),
        ("http://evil-tools.example", False),
        ("http://evil/tools.example", False),
    ],
)
def test_the_host_allow_list_compares_whole_hosts(base: str, allowed: bool) -> None:
    """Hosts match entirely, with the port where the entry has one; a foreign one is refused before any network use."""
    hosts = ("tools.example", " Other:81 ", "[::1]")
    if allowed:
        HttpInvoker(base_url=base, egress=Egress(hosts))
        return
    with pytest.raises(ToolHostNotAllowed):
        HttpInvoker(base_url=base, egress=Egress(hosts))


def test_the_limit_covers_a_whole_call() -> None:
    """A host that does not answer is left after `timeout_s`, and its connection is closed."""

    async def hang(_: HostRequest) -> Reply:
        await asyncio.Event().wait()
        return Reply()

    async def test(host: ToolHost, invoker: HttpInvoker) -> None:
        assert (await calling(invoker, "Lookup"))["error"] == "timeout after 0.2s"
        await asyncio.wait_for(host.gone.wait(), 5)
        assert len(host.posts) == 1

    with_host(test, hang, timeout_s=0.2)


def test_cancelling_a_call_hangs_up() -> None:
    """A cancelled call closes its connection at once."""

    async def hang(_: HostRequest) -> Reply:
        await asyncio.Event().wait()
        return Reply()

    async def test(host: ToolHost, invoker: HttpInvoker) -> None:
        running = asyncio.create_task(calling(invoker, "Lookup"))
        await host.arrived.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.wait_for(host.gone.wait(), 5)

    with_host(test, hang)


def test_an_unreachable_host_is_a_failed_call() -> None:
    """Nothing listens there: the call fails with a reason, the listing with its own error."""

    async def main() -> None:
        async with ToolHost() as host:
            url = host.url
        invoker = HttpInvoker(base_url=url)
        assert (await calling(invoker, "Lookup"))["error"].startswith("tool host unreachable: ")
        with pytest.raises(ToolListingFailed):
            await invoker.list_tools()
        await invoker.aclose()

    asyncio.run(main())


def test_long_and_endless_replies_are_bounded() -> None:
    """Text is cut at the cap and marked; what is larger than can be read is an error."""
    assert _record(Reply("é" * 1000), max_output_bytes=101) == {"ok": True, "result": "é" * 50, "truncated": True}
    record = _record(Reply(b"x" * (8 * 1024 * 1024 + 1)))
    assert record == {"ok": False, "error": "reply larger than 8388608 bytes"}


def test_cookies_are_not_kept() -> None:
    """What one call was told to remember is not sent with the next."""

    async def main() -> list[list[str]]:
        async with ToolHost((), Reply("ok", headers={"Set-Cookie": "a=b"})) as host:
            # By name: no client keeps the cookies of a bare address anyway.
            invoker = HttpInvoker(base_url=host.url.replace("127.0.0.1", "localhost"))
            await calling(invoker, "Lookup")
            await calling(invoker, "Lookup")
            await invoker.aclose()
            return [request.values("cookie") for request in host.posts]

    assert asyncio.run(main()) == [[], []]


def test_the_transport_is_a_parameter_and_one_client_serves_a_run() -> None:
    """The factory is called once, on first use, and its client is closed with the invoker."""
    made: list[aiohttp.ClientSession] = []

    def factory(_: CheckedHost) -> aiohttp.ClientSession:
        made.append(aiohttp.ClientSession())
        return made[-1]

    async def test(_: ToolHost, invoker: HttpInvoker) -> None:
        assert not made
        await invoker.list_tools()
        await calling(invoker, "Lookup")
        assert len(made) == 1
        await invoker.aclose()
        await invoker.aclose()
        assert made[0].closed

    with_host(test, session_factory=factory)


def test_a_run_over_http() -> None:
    """One GET and one POST per call, listed tools are callable in any casing, and the model sees their text."""

    async def main() -> tuple[AgentResult, list[tuple[str, str]], list[Any]]:
        async with ToolHost(SPECS, Reply("plain"), Reply({"error": "no"}), Reply("", 500)) as host:
            invoker = HttpInvoker(base_url=host.url)
            calls = asks(
                ("Lookup", {"q": 1}, "a"), ("lookup", {"q": 2}, "b"), ("LOOKUP", {"q": 3}, "c"), ("x", {}, "d")
            )
            model = ScriptedModel(calls, says("done"))
            config = AgentConfig(model="base", use_tools=True)
            result = await run(config, [{"role": "user", "content": "go"}], model, invoker)
            await invoker.aclose()
            names = [request.json()["name"] for request in host.posts]
            return result, [(request.method, request.path) for request in host.requests], names

    result, requests, names = asyncio.run(main())
    assert requests == [("GET", "/tools")] + [("POST", "/invoke")] * 3
    assert names == ["Lookup"] * 3
    assert tool_messages(result.messages) == {
        "a": "plain",
        "b": "error: no",
        "c": "error: HTTP 500: ",
        "d": "error: unsupported tool 'x'",
    }
    assert json.dumps(result.response_body())
