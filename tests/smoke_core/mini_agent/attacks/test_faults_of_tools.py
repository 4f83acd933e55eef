"""Faults of tool hosts, MCP servers and the memory service, and what each would make wrong for everybody else."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import sys

import pytest
from aiohttp import web

from mini_agent.settings.schema import McpServer
from mini_agent.tools.http import HttpInvoker
from mini_agent.tools.mcp.invoker import McpInvoker
from mini_agent.tools.mcp.pool import McpPool
from support.gateway import Stage
from support.http_tools import with_host
from support.mcp_stub import McpStub, with_stub
from support.tool_calls import call, calling
from support.tool_host import Reply, ToolHost
from support.upstream import answer, completion

GZIP = {"Content-Encoding": "gzip"}
BOMB = gzip.compress(b'{"text": "' + b"x" * 20_000_000 + b'"}', mtime=0)


@pytest.mark.parametrize(
    "charset", ["punycode", "idna", "undefined", "unicode_escape", "rot13", "zip", "", "\xe9", "x" * 99]
)
def test_encodings_that_no_text_has(charset: str) -> None:
    """A host that names an odd codec wants a crash, or a decoder that takes forever: its text is read as UTF-8."""

    async def test(_: ToolHost, invoker: HttpInvoker) -> None:
        assert await invoker.list_tools() == []
        record = await calling(invoker, "Lookup")
        assert (record["ok"], record["result"]) == (True, "xn--\ufffd-hello")

    reply = Reply(b"xn--\xff-hello", headers={"Content-Type": f"text/plain; charset={charset}"})
    with_host(test, reply, tools=reply)


@pytest.mark.parametrize(
    ("wrong", "reply"),
    [("memory for a reply", Reply(BOMB, headers=GZIP)), ("memory for a refusal", Reply(BOMB, 500, GZIP))],
)
def test_replies_are_bounded_decoded(wrong: str, reply: Reply) -> None:
    """A few kilobytes that grow to 20 MB are an error at 8 MB, and the list of tools only lacks them."""

    async def test(_: ToolHost, invoker: HttpInvoker) -> None:
        assert (await calling(invoker, "Lookup"))["error"] == "reply larger than 8388608 bytes", wrong

    with_host(test, reply)


def test_a_refused_call_takes_the_session_from_nobody() -> None:
    """-32600 for one call would end the session of every other call: it fails that call, and the session goes on."""

    async def test(stub: McpStub, pool: McpPool) -> None:
        invoker = McpInvoker(pool, "ada")
        await invoker.list_tools()
        good, bad = await asyncio.gather(calling(invoker, "good"), calling(invoker, "bad"))
        assert (good["ok"], bad["ok"], bad["error"]) == (True, False, "I do not like this one")
        assert (await calling(invoker, "good"))["result"] == "fine"
        assert stub.opened == 1

    with_stub(test)


def test_a_server_that_forgot_the_session_gets_a_new_one() -> None:
    """The same code with a 404 means that the session is gone: the call is made again in a new one."""

    async def test(stub: McpStub, pool: McpPool) -> None:
        invoker = McpInvoker(pool, "ada")
        await invoker.list_tools()
        stub.forget = True
        assert (await calling(invoker, "good"))["result"] == "fine"
        assert stub.opened == 2

    with_stub(test)


@pytest.mark.parametrize("name", ["long", "bomb"])
def test_a_result_that_is_too_large_or_compressed(name: str) -> None:
    """It would cost memory without a bound: the call fails, and the next one is answered."""

    async def test(_: McpStub, pool: McpPool) -> None:
        invoker = McpInvoker(pool, "ada")
        await invoker.list_tools()
        assert (await calling(invoker, name))["ok"] is False
        assert (await calling(invoker, "good"))["result"] == "fine"

    with_stub(test)


def test_the_memory_service_sends_a_bomb(stage: Stage) -> None:
    """What grows beyond 4 MB is no memory: the request goes on without, and the log says why."""
    memory = stage.memory_service()

    async def bomb(_: web.Request) -> web.StreamResponse:
        return web.Response(body=BOMB, content_type="application/json", headers=GZIP)

    memory.script(bomb)
    gateway = stage.gateway({"model_list": [stage.entry()], "context_retrieval": memory.section()})
    assert gateway.chat().status == 200
    assert "the answer is too large" in gateway.log_text()


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b'{"results": [{"content": "caf\xe9"}]}', b'{"results": [{"content": "\\ud83d"}]}']
)
def test_the_memory_service_sends_bytes_that_are_no_text(stage: Stage, body: bytes) -> None:
    """Broken bytes are repaired or left out, and never a 500; the provider gets what it can read."""
    memory = stage.memory_service()

    async def broken(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type="application/json")

    memory.script(broken)
    gateway = stage.gateway({"model_list": [stage.entry()], "context_retrieval": memory.section()})
    assert gateway.chat().status == 200
    assert json.loads(stage.upstream.requests[0].raw.decode())["model"] == "gpt-up"


STDIO = r"""
import json, sys
out = sys.stdout.buffer
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    answer = {"jsonrpc": "2.0", "id": asked["id"]}
    name = asked.get("params", {}).get("name")
    if asked["method"] == "initialize":
        version = asked["params"]["protocolVersion"]
        who = {"name": "s", "version": "1"}
        answer["result"] = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": who}
    elif asked["method"] == "tools/list":
        tools = [{"name": each, "inputSchema": {"type": "object"}} for each in ("good", "long", "bytes", "noise")]
        answer["result"] = {"tools": tools}
    elif name is None:
        answer["error"] = {"code": -32601, "message": "no such method"}
    else:
        text = "x" * 9_000_000 if name == "long" else "fine?"
        answer["result"] = {"content": [{"type": "text", "text": text}]}
    if name == "noise":
        out.write(b"\xff\xfe no JSON\n" * 10)
    out.write(json.dumps(answer).encode().replace(b"?", b"\xff") + b"\n")
    out.flush()
"""


def test_a_process_that_writes_lines_without_a_bound_or_no_text() -> None:
    """A line above 8 MB would be collected whole: its call fails by its id; bytes that are no text fail nothing."""

    async def main() -> None:
        server = McpServer(transport="stdio", command=sys.executable, args=["-IS", "-c", STDIO], timeout=10)
        pool = McpPool({"s": server}, {"PATH": os.environ["PATH"]})
        try:
            invoker = McpInvoker(pool, "ada")
            assert len(await invoker.list_tools()) == 4
            assert (await calling(invoker, "long"))["error"] == "the answer is larger than 8388608 bytes"
            for name in ("good", "bytes", "noise"):
                assert (await calling(invoker, name))["result"] == "fine\ufffd"
        finally:
            await pool.aclose()

    asyncio.run(main())


def test_lines_are_cut_the_same_whatever_the_pieces() -> None:
    """Every cut of the same bytes gives the same lines; of a long one the beginning is kept, and no more."""
    from mini_agent.tools.mcp.stdio import Lines

    data = b"one\n\n" + b"x" * 50 + b"\nthree\nrest"
    for size in (1, 2, 3, 7, 100):
        lines = Lines(limit=20)
        pieces = (data[start : start + size] for start in range(0, len(data), size))
        found = [each for piece in pieces for each in lines.feed(piece)]
        assert [(len(line), whole) for line, whole in found[:2]] == [(3, True), (0, True)]
        assert found[2][1] is False
        assert found[2][0].startswith(b"x")
        assert found[3] == (b"three", True)


def test_a_call_of_an_mcp_server_has_the_time_of_the_run(stage: Stage) -> None:
    """Wanted: a run without end, by a server that never answers a call: `tool_timeout_sec` holds there as anywhere."""
    server = {"transport": "http", "url": f"{stage.serve(McpStub().app)}/mcp", "timeout": 60}
    gateway = stage.gateway({"model_list": [stage.entry()], "mcp_servers": {"s": server}})
    stage.upstream.script(
        answer(completion(None, tool_calls=[call("stuck", {}), call("good", {}, "b")])), answer("done")
    )
    body = {"model": "m1", "messages": [{"role": "user", "content": "go"}], "tool_backend": "mcp"}
    reply = gateway.post("/agent/run", {**body, "tool_timeout_sec": 0.2}).json()
    told = [message["content"] for message in reply["messages"] if message["role"] == "tool"]
    assert told[0] == "error: timeout after 0.2s"
    assert len(told) == 2
    assert not told[1].startswith("error")
    assert reply["final_answer"] == "done"
