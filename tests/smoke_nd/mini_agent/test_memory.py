"""Memory with the gateway as users start it: a process, its configuration file, and a memory service beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.cookies import crossed, visitors_book
from support.gateway import UPSTREAM_KEY, GatewayProcess, Stage
from support.http_client import events_of
from support.memory_service import MEMORY_KEY, MemoryService
from support.tool_calls import call
from support.upstream import Seen, answer, text_stream

pytestmark = pytest.mark.shard("shard_b")

MASTER = "mk-memory-process"
ENVIRON = {"GATEWAY_KEY": MASTER, "UP_KEY": UPSTREAM_KEY, "SUPERMEMORY_API_KEY": MEMORY_KEY}
TEA = "Ада пьёт зелёный чай."


class World:
    """A provider, a memory service, and the gateway process between them."""

    def __init__(self, stage: Stage, memory: MemoryService, process: GatewayProcess) -> None:
        self.provider, self.memory, self.gateway = stage.upstream, memory, process

    @property
    def seen(self) -> Seen:
        """Return what the provider saw last."""
        return self.provider.requests[-1]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One process for all tests of this module."""
    folder = tmp_path_factory.mktemp("memory")
    with Stage(folder) as stage:
        memory = stage.memory_service()
        memory.remember("supermemory_ada", {"content": TEA, "title": "Drinks"})
        root: dict[str, Any] = {
            "general_settings": {"master_key": "os.environ/GATEWAY_KEY", "memory_hosts": ["127.0.0.1"]},
            "model_list": [stage.entry(api_key="os.environ/UP_KEY")],
            "user_id_mappings": {"header_patterns": [{"header": "User-Agent", "pattern": "pycharm", "user_id": "ada"}]},
            "context_retrieval": memory.section(api_key="os.environ/SUPERMEMORY_API_KEY", timeout=2),
            "tool_execution": {"supermemory_base_url": memory.base},
        }
        config = folder / "mini_agent.yaml"
        config.write_text(json.dumps(root), encoding="utf-8")
        with GatewayProcess("serve", "--port", "0", environ=ENVIRON, folder=folder) as process:
            process.wait_listening()
            process.headers["authorization"] = f"Bearer {MASTER}"
            yield World(stage, memory, process)


@pytest.fixture
def world(started: World) -> World:
    """The world, with empty logs and usual answers."""
    for server in (started.provider, started.memory):
        server.forget()
    started.provider.script(answer("hi"))
    started.memory.recover()
    return started


def test_a_client_that_knows_nothing_of_memory_gets_its_users(world: World) -> None:
    """A pattern finds the user; the provider sees the user, the memory key and the memory, letters intact."""
    reply = world.gateway.chat("что я пью?", headers={"user-agent": "PyCharm/2026.3"})
    assert (reply.status, reply.text) == (200, "hi")
    assert world.seen.header("x-sm-user-id") == "ada"
    assert world.seen.header("x-supermemory-api-key") == MEMORY_KEY
    context, question = world.seen.body["messages"]
    assert TEA in context["content"]
    assert question["content"] == "что я пью?"


def test_a_stream_with_a_tool_of_the_gateway(world: World) -> None:
    """The model looks something up by itself, and the client sees an ordinary stream."""
    calls = [call("supermemoryToolSearch", {"query": "tea"}, "c1")]
    delta = {"tool_calls": [{"index": 0, **calls[0]}]}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    first = {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    last = {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    lines = "".join(f"data: {json.dumps(event)}\n\n" for event in (first, last)) + "data: [DONE]\n\n"
    world.provider.script(answer(lines.encode(), headers={"content-type": "text/event-stream"}), text_stream("tea"))
    reply = world.gateway.chat(stream=True, headers={"x-memory-user-id": "ada"})
    *chunks, done = events_of(reply.body)
    assert "".join(choice["delta"].get("content") or "" for item in chunks for choice in item["choices"]) == "tea"
    assert done == "[DONE]"
    assert [seen.path for seen in world.memory.requests] == ["/v4/profile", "/v3/search"]
    assert TEA in world.seen.body["messages"][-1]["content"]


def test_two_users_interleaved_500_requests_each(world: World) -> None:
    """No cookie crosses, neither at the provider nor at the memory service, and each user's own persists."""
    world.provider.script(visitors_book())
    world.memory.script(visitors_book())

    def visit(user: str) -> int:
        return world.gateway.chat(headers={"x-memory-user-id": user}).status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(visit, ["eve", "bob"] * 500)) == {200}
    for server in (world.provider, world.memory):
        assert len(server.requests) == 1000
        assert crossed(server) == []


def test_a_memory_service_that_goes_away_costs_no_request(world: World) -> None:
    """Broken and then gone: every request succeeds, the log says why, and no key stands in it."""
    world.memory.script(answer(b"<html>"))
    assert world.gateway.chat(headers={"x-memory-user-id": "ada"}).status == 200
    world.memory.stop_listening()
    for _ in range(6):
        assert world.gateway.chat(headers={"x-memory-user-id": "ada"}).status == 200
    assert [message["role"] for message in world.seen.body["messages"]] == ["user"]
    log = world.gateway.stderr()
    assert "the answer is not JSON" in log
    assert "is left alone" in log
    for secret in ENVIRON.values():
        assert secret not in log
