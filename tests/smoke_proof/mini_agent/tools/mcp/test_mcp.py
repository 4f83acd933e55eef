"""The MCP backend against real servers on the official SDK: stdio, streamable HTTP and legacy SSE."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mini_agent.core.errors import ProviderNotConfigured
from mini_agent.settings.schema import McpServer
from mini_agent.tools.mcp import launch as mcp_launch
from mini_agent.tools.mcp.invoker import McpInvoker
from mini_agent.tools.mcp.pool import McpPool
from support.mcp_servers import http_server
from support.mcp_servers.http_server import McpHttpServer, serve_mcp
from support.processes import Flag, ended
from support.tool_calls import calling

ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/home/someone", "SECRET": "s", "USER": "u"}
CATALOGUE = ["add", "lines", "table", "fails", "environment", "pid", "die", "hang"]
STDIO_SCRIPT = str(Path(http_server.__file__).with_name("stdio_server.py"))


@pytest.fixture
def web() -> Iterator[McpHttpServer]:
    """A streamable-HTTP server with one tool more than the catalogue."""
    with serve_mcp("extra") as server:
        yield server


def _stdio(*extra: str, timeout: float = 20) -> McpServer:
    env = {"CONFIGURED": "1", "LC_ALL": "C.UTF-8"}
    return McpServer(transport="stdio", command=sys.executable, args=[STDIO_SCRIPT, *extra], env=env, timeout=timeout)


def _http(url: str, **options: Any) -> McpServer:
    return McpServer(transport="http", url=url, **{"timeout": 10, **options})


def _with_pool(
    test: Callable[[McpPool, McpInvoker], Awaitable[Any]], servers: dict[str, McpServer], **options: Any
) -> None:
    async def main() -> None:
        pool = McpPool(servers, ENVIRON)
        try:
            await test(pool, McpInvoker(pool, **options))
        finally:
            await pool.aclose()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


async def _names(invoker: McpInvoker) -> list[str]:
    return [spec["function"]["name"] for spec in await invoker.list_tools()]


def test_a_stdio_server_from_first_use_to_the_end() -> None:
    """Opened on first use, it sees its variables, PATH and HOME only; lost, it is opened again; closed, it is gone."""
    pids: list[int] = []

    async def test(pool: McpPool, invoker: McpInvoker) -> None:
        assert await _names(invoker) == CATALOGUE
        assert (await calling(invoker, "add", {"a": 1, "b": 2}))["result"] == "3"
        assert (await calling(invoker, "environment"))["result"] == "CONFIGURED HOME LC_ALL PATH"
        pids.append(int((await calling(invoker, "pid"))["result"]))
        died = await calling(invoker, "die")
        assert (died["ok"], died["error"]) == (False, "MCP server 'files' failed: Connection closed")
        pids.append(int((await calling(McpInvoker(pool), "pid"))["result"]))
        os.kill(pids[-1], signal.SIGKILL)
        assert ended(pids[-1])
        for _ in range(100):
            # The end of the pipes is there already; let the loop read it, so that the loss is known before the call.
            await asyncio.sleep(0)
        pids.append(int((await calling(invoker, "pid"))["result"]))

    _with_pool(test, {"files": _stdio()})
    assert len(set(pids)) == 3
    assert all(ended(pid) for pid in pids)


def test_a_stdio_server_dies_with_the_gateway() -> None:
    """When the gateway is killed outright, even a server that ignores its stdin and all signals ends."""
    server = (
        "import os, signal, time; signal.signal(15, signal.SIG_IGN); print(os.getpid(), flush=True); time.sleep(600)"
    )
    launch = [sys.executable, "-IS", mcp_launch.__file__, "PATH", "--", sys.executable, "-IS", "-c", server]
    gateway = f"import subprocess, sys; subprocess.run({launch!r})"
    with subprocess.Popen([sys.executable, "-IS", "-c", gateway], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
    assert ended(pid)


def test_a_launched_server_keeps_only_the_named_variables() -> None:
    """The launcher passes on what it was told to keep, and exits 127 for a command that does not exist."""
    env = {"PATH": os.environ["PATH"], "A": "1", "B": "2"}
    show = "import os; print(sorted(os.environ.items()))"
    command = [sys.executable, "-IS", mcp_launch.__file__, "A", "LC_ALL", "--"]
    env["LC_ALL"] = "C.UTF-8"
    done = subprocess.run([*command, sys.executable, "-c", show], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "[('A', '1'), ('LC_ALL', 'C.UTF-8')]\n"
    missing = subprocess.run([*command, "/no/such"], env=env, capture_output=True, text=True, check=False)
    assert missing.returncode == 127
    assert "cannot start /no/such" in missing.stderr


def test_results_of_a_streamable_http_server(web: McpHttpServer) -> None:
    """Text parts are joined by newline, structured content becomes JSON, `isError` fails, arguments are checked."""

    async def test(_: McpPool, invoker: McpInvoker) -> None:
        assert await _names(invoker) == [*CATALOGUE, "extra"]
        assert (await calling(invoker, "ADD", {"a": 1, "b": 2}))["result"] == "3"
        assert (await calling(invoker, "lines"))["result"] == "one\ntwo"
        assert (await calling(invoker, "table"))["result"] == '{"rows": [1, 2]}'
        failed = await calling(invoker, "fails", {"reason": "x"})
        assert failed["ok"] is False
        assert "fails" in failed["error"]
        assert (await calling(invoker, "extra", ""))["result"] == "extra"
        for raw in ("[1]", "x"):
            assert (await calling(invoker, "add", raw))["error"] == "invalid arguments: expected a JSON object"
        assert (await calling(invoker, "nope"))["error"] == "unknown tool 'nope'"

    _with_pool(test, {"web": _http(web.url)})


def test_specs_are_openai_functions(web: McpHttpServer) -> None:
    """A tool's name, description and schema become an OpenAI spec."""

    async def test(_: McpPool, invoker: McpInvoker) -> None:
        spec = (await invoker.list_tools())[0]
        assert (spec["type"], spec["function"]["description"]) == ("function", "Add two numbers.")
        assert set(spec["function"]["parameters"]["properties"]) == {"a", "b"}

    _with_pool(test, {"web": _http(web.url)})


def test_credentials_are_sent_with_every_request(web: McpHttpServer) -> None:
    """Bearer and basic credentials go out as configured, encoded ones as they are, and without any none."""

    async def test(_: McpPool, invoker: McpInvoker) -> None:
        assert (await calling(invoker, "add", {"a": 1, "b": 2}))["ok"]

    for auth, sent in (
        ({"auth_type": "bearer", "auth_value": "tok"}, "Bearer tok"),
        ({"auth_type": "basic", "auth_value": "user:pass"}, "Basic dXNlcjpwYXNz"),
        ({"auth_type": "basic", "auth_value": "dXNlcjpwYXNz"}, "Basic dXNlcjpwYXNz"),
        ({}, None),
    ):
        web.headers.clear()
        _with_pool(test, {"web": _http(web.url, **auth)})
        assert web.headers
        assert {headers.get("authorization") for headers in web.headers} == {sent}


def test_a_clash_renames_the_later_tool(web: McpHttpServer) -> None:
    """Tools keep their names; of two equal ones the later is `<server>__<tool>`, and both can be called."""

    async def test(_: McpPool, invoker: McpInvoker) -> None:
        names = await _names(invoker)
        assert names[:9] == [*CATALOGUE, "extra"]
        assert names[9:] == [f"two__{name}" for name in names[:9]]
        assert (await calling(invoker, "two__add", {"a": 1, "b": 2}))["result"] == "3"

    _with_pool(test, {"one": _http(web.url), "two": _http(web.url)})


def test_a_failing_server_only_lacks_its_tools(web: McpHttpServer, caplog: pytest.LogCaptureFixture) -> None:
    """Servers that cannot be reached are left out with a warning each; the others are whole."""

    async def test(_: McpPool, invoker: McpInvoker) -> None:
        assert await _names(invoker) == [*CATALOGUE, "extra"]

    broken = {
        "down": _http("http://127.0.0.1:1/mcp"),
        "missing": McpServer(transport="stdio", command="/no/such/server", timeout=10),
    }
    with caplog.at_level(logging.WARNING, "mini_agent"):
        _with_pool(test, {**broken, "web": _http(web.url)})
    warnings = [record.getMessage() for record in caplog.records if record.name.startswith("mini_agent")]
    assert sorted(text.split("'")[1] for text in warnings) == ["down", "missing"]


def test_a_slow_tool_ends_at_the_servers_limit(web: McpHttpServer, tmp_path: Path) -> None:
    """A call that is not answered within `timeout` fails with the limit, and the session goes on."""

    async def test(_: McpPool, invoker: McpInvoker) -> None:
        await invoker.list_tools()
        hung = await calling(invoker, "hang", {"flag": str(tmp_path / "flag")})
        assert (hung["ok"], hung["error"]) == (False, "timeout after 0.3s")
        assert (await calling(invoker, "add", {"a": 1, "b": 2}))["ok"]

    _with_pool(test, {"web": _http(web.url, timeout=0.3)})


def test_a_cancelled_call_leaves_the_session_to_the_others(web: McpHttpServer, tmp_path: Path) -> None:
    """A caller that gives up ends its own call only."""
    flag = Flag(tmp_path / "flag")

    async def test(pool: McpPool, invoker: McpInvoker) -> None:
        await invoker.list_tools()
        running = asyncio.create_task(calling(invoker, "hang", {"flag": str(flag.path)}))
        assert await flag.raised() == "hanging"
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (await calling(McpInvoker(pool), "add", {"a": 1, "b": 2}))["ok"]

    _with_pool(test, {"web": _http(web.url)})


def test_a_caller_that_gives_up_while_a_session_opens_takes_it_from_nobody(web: McpHttpServer) -> None:
    """The first of two callers is cancelled during the opening; the second gets its answer over the same session."""

    async def test(pool: McpPool, _: McpInvoker) -> None:
        session = pool.servers[0].of(None)
        first, second = (asyncio.create_task(session.call_tool("add", {"a": 1, "b": 2})) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).content[0].text == "3"
        assert first.cancelled()
        assert len([task for task in asyncio.all_tasks() if task.get_name() == "mcp-web"]) == 1

    _with_pool(test, {"web": _http(web.url)})


def test_concurrent_first_use_opens_one_session(web: McpHttpServer) -> None:
    """Many runs that start together share one session, and every call gets its own answer."""

    async def test(pool: McpPool, _: McpInvoker) -> None:
        invokers = [McpInvoker(pool) for _ in range(10)]
        calls = (calling(invoker, "add", {"a": number, "b": 1}) for number, invoker in enumerate(invokers))
        assert [record["result"] for record in await asyncio.gather(*calls)] == [str(n + 1) for n in range(10)]
        owners = [task for task in asyncio.all_tasks() if task.get_name() == "mcp-web"]
        assert len(owners) == 1

    _with_pool(test, {"web": _http(web.url)})


def test_long_results_are_cut(web: McpHttpServer) -> None:
    """A result's text is cut at the cap and marked."""

    async def test(_: McpPool, invoker: McpInvoker) -> None:
        record = await calling(invoker, "lines")
        assert (record["result"], record["truncated"]) == ("one", True)

    _with_pool(test, {"web": _http(web.url)}, max_output_bytes=3)


def test_a_legacy_sse_server() -> None:
    """The old transport lists and calls as well, with credentials."""

    async def test(_: McpPool, invoker: McpInvoker) -> None:
        assert await _names(invoker) == CATALOGUE
        assert (await calling(invoker, "add", {"a": 1, "b": 2}))["result"] == "3"

    with serve_mcp(transport="sse") as server:
        old = McpServer(transport="sse", url=server.url, timeout=10, auth_type="bearer", auth_value="tok")
        _with_pool(test, {"old": old})
        assert {headers.get("authorization") for headers in server.headers} == {"Bearer tok"}


def test_an_http_server_that_comes_back_is_used_again() -> None:
    """After a restart of the server the next run works, without a restart of the gateway."""

    async def main() -> None:
        with serve_mcp() as server:
            port = int(server.url.split(":")[2].split("/")[0])
            pool = McpPool({"web": _http(server.url, timeout=3)}, ENVIRON)
            assert await _names(McpInvoker(pool)) == CATALOGUE
        try:
            down = await calling(McpInvoker(pool), "add", {"a": 1, "b": 2})
            assert down["error"] == "unknown tool 'add'"
            with serve_mcp("extra", port=port):
                assert await _names(McpInvoker(pool)) == [*CATALOGUE, "extra"]
        finally:
            await pool.aclose()

    asyncio.run(main())


def test_without_servers_the_backend_is_not_configured() -> None:
    """No server configured is the client's error, before anything is opened."""
    with pytest.raises(ProviderNotConfigured, match="no mcp_servers"):
        McpInvoker(McpPool({}, ENVIRON))


def test_a_server_that_hangs_is_waited_for_once(caplog: pytest.LogCaptureFixture) -> None:
    """One that accepts and says nothing costs one wait: the next listings leave it out without asking it again."""
    asked: list[bytes] = []

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        await reader.read()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        pool = McpPool({"deaf": _http(f"http://127.0.0.1:{port}/mcp", timeout=0.3)}, ENVIRON)
        try:
            assert await McpInvoker(pool).list_tools() == []
            seen = len(asked)
            assert await McpInvoker(pool).list_tools() == []
            assert len(asked) == seen > 0
            assert sum(line.startswith(b"POST") for line in asked) == 1
        finally:
            await pool.aclose()
            server.close()
            await server.wait_closed()

    with caplog.at_level(logging.WARNING, "mini_agent"):
        asyncio.run(main())
    assert "left alone for a while" in caplog.text


ENDLESS = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    answer = {"jsonrpc": "2.0", "id": asked["id"]}
    if asked["method"] == "initialize":
        version = asked["params"]["protocolVersion"]
        who = {"name": "endless", "version": "1"}
        answer["result"] = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": who}
    elif asked["method"] == "tools/list":
        answer["result"] = {"tools": [{"name": "t", "inputSchema": {"type": "object"}}] * 100, "nextCursor": "more"}
    else:
        answer["error"] = {"code": -32601, "message": "Method not found"}
    print(json.dumps(answer), flush=True)
"""


def test_a_list_of_tools_without_an_end_ends(caplog: pytest.LogCaptureFixture) -> None:
    """All pages together have the server's `timeout`, and an end: one that always has another only lacks its tools."""
    endless = McpServer(transport="stdio", command=sys.executable, args=["-IS", "-c", ENDLESS], timeout=10)

    async def test(_: McpPool, invoker: McpInvoker) -> None:
        async with asyncio.timeout(20):
            assert await invoker.list_tools() == []

    with caplog.at_level(logging.WARNING, "mini_agent"):
        _with_pool(test, {"endless": endless})
    assert "'endless' are left out: it lists more than 2000 tools" in caplog.text
