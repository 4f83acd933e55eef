"""Memory tools against a memory service on loopback: one user's container, and errors that are results."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from mini_agent.core.ports import SystemClock
from mini_agent.memory.service import MemoryService as Client
from mini_agent.net.sessions import Sessions
from mini_agent.tools.memory import GET_DOCUMENT, SEARCH, MemoryTools
from support.loop_thread import LoopThread
from support.memory_service import MEMORY_KEY, MemoryService
from support.tool_calls import calling
from support.upstream import answer


@pytest.fixture
def memory() -> Iterator[MemoryService]:
    """A service that knows something of ada and of bob."""
    with LoopThread() as loop, MemoryService(loop) as service:
        service.remember("t_ada", {"content": "green tea", "score": 0.9, "title": "Drinks", "url": "http://x.invalid"})
        service.documents["d1"] = {"id": "d1", "content": "all of it", "containerTags": ["t_ada"]}
        service.documents["d2"] = {"id": "d2", "content": "bob's secret", "containerTags": ["t_bob"]}
        service.documents["d3"] = {"id": "d3", "content": "whose?"}
        yield service


def ask(memory: MemoryService, name: str, arguments: Any, key: str = MEMORY_KEY) -> dict[str, Any]:
    """Call a tool as ada. Return its record."""

    async def main() -> dict[str, Any]:
        sessions = Sessions(SystemClock())
        tools = MemoryTools(Client(sessions, memory.base, key), user_id="ada", container="t_ada", max_results=3)
        try:
            return await calling(tools, name, arguments)
        finally:
            await sessions.aclose()

    return asyncio.run(main())


def test_search_asks_for_the_users_container_and_lists_results(memory: MemoryService) -> None:
    """Query, limit, summary, rerank, user and container go out; results come back with their fields."""
    memory.remember("t_ada", {"content": "x", "score": None})
    record = ask(memory, SEARCH, {"query": "drinks"})
    (seen,) = memory.requests
    assert (seen.method, seen.path, seen.header("x-sm-user-id")) == ("POST", "/v3/search", "ada")
    assert seen.body == {
        "q": "drinks",
        "limit": 3,
        "include_summary": True,
        "rerank": True,
        "containerTag": "t_ada",
        "containerTags": ["t_ada"],
    }
    assert (record["tool_call_id"], record["query"], record["results_count"], record["user_id"]) == (
        "a",
        "drinks",
        2,
        "ada",
    )
    tea, other = record["results"]
    assert tea == {
        "index": 1,
        "content": "green tea",
        "source": "http://x.invalid",
        "relevance_score": 0.9,
        "title": "Drinks",
        "url": "http://x.invalid",
    }
    assert other == {"index": 2, "content": "x", "source": "supermemory", "relevance_score": None}
    assert record["text"].startswith("Found 2 results")
    assert "green tea" in record["text"]


def test_nothing_found_says_so(memory: MemoryService) -> None:
    """An empty result is no error."""
    memory.script(answer({"results": []}))
    record = ask(memory, SEARCH, {"q": "x"})
    assert (record["results_count"], record["results"], record["text"]) == (0, [], "No results found.")


@pytest.mark.parametrize(
    "arguments", [{"query": "a"}, {"q": " a "}, {"search": "a"}, {"search_query": "a"}, {"term": "a"}]
)
def test_aliases_of_the_query(memory: MemoryService, arguments: dict[str, Any]) -> None:
    """Models call it by several names."""
    assert ask(memory, SEARCH, arguments)["query"] == "a"


def test_several_queries_are_joined(memory: MemoryService) -> None:
    """By OR, blank ones left out."""
    assert ask(memory, SEARCH, {"queries": ["tea", " ", "cake"]})["query"] == "tea OR cake"


@pytest.mark.parametrize("name", ["id", "document_id", "doc_id", "uuid"])
def test_a_document_of_the_user_is_read(memory: MemoryService, name: str) -> None:
    """By any of the names of its id."""
    record = ask(memory, GET_DOCUMENT, {name: "d1"})
    assert record["results"][0]["content"] == "all of it"
    (seen,) = memory.requests
    assert (seen.method, seen.path, seen.header("x-sm-user-id")) == ("GET", "/v3/documents/d1", "ada")


@pytest.mark.parametrize("document", ["d2", "d3", "d4"])
def test_a_document_of_another_container_is_not_found(memory: MemoryService, document: str) -> None:
    """Another user's, one that names no container, and none at all: the same words."""
    record = ask(memory, GET_DOCUMENT, {"id": document})
    assert record["error"]["message"] == f"document '{document}' was not found"
    assert (record["ok"], record["error"]["type"], record["results"]) == (False, "execution_error", [])
    assert "secret" not in str(record)


@pytest.mark.parametrize("document", ["..", ".", "../v4/profile", "a/b", "a?x=1", "%2e%2e", "a b", "é", "x" * 300])
def test_an_id_cannot_lead_anywhere_else(memory: MemoryService, document: str) -> None:
    """What is no plain id is refused before anything is asked."""
    assert ask(memory, GET_DOCUMENT, {"id": document})["error"]["type"] == "invalid_value"
    assert memory.requests == []


@pytest.mark.parametrize(
    ("name", "arguments", "kind", "parameter"),
    [
        (SEARCH, {}, "missing_parameter", "query"),
        (SEARCH, {"query": None}, "missing_parameter", "query"),
        (SEARCH, "", "missing_parameter", "query"),
        (SEARCH, {"q": 5}, "invalid_type", "q"),
        (SEARCH, {"query": " "}, "invalid_value", "query"),
        (SEARCH, {"queries": "tea"}, "invalid_type", "queries"),
        (SEARCH, {"queries": [1]}, "invalid_type", "queries"),
        (SEARCH, {"queries": [" "]}, "invalid_value", "queries"),
        (SEARCH, '{"query": "te', "invalid_arguments", None),
        (GET_DOCUMENT, {}, "missing_parameter", "id"),
        ("other", {}, "invalid_value", "name"),
    ],
)
def test_wrong_arguments_are_results_that_help(
    memory: MemoryService, name: str, arguments: Any, kind: str, parameter: str | None
) -> None:
    """The type says what was wrong; the text says what is required, with an example."""
    record = ask(memory, name, arguments)
    assert (record["error"]["type"], record["error"].get("parameter")) == (kind, parameter)
    assert (record["ok"], record["results"], record["tool_call_id"]) == (False, [], "a")
    assert kind in record["text"]
    if "example" in record["error"]:
        assert "Required: " in record["text"]
    assert memory.requests == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, "authentication_error"),
        (403, "authentication_error"),
        (429, "rate_limit_exceeded"),
        (500, "execution_error"),
    ],
)
def test_failures_of_the_service_are_results(memory: MemoryService, status: int, kind: str) -> None:
    """Nothing of what the service says is repeated."""
    memory.script(answer({"error": "words of theirs"}, status))
    for name, arguments in ((SEARCH, {"query": "x"}), (GET_DOCUMENT, {"id": "d1"})):
        record = ask(memory, name, arguments)
        assert record["error"]["type"] == kind
        assert ("retry_hint" in record["error"]) is (status == 429)
        assert "words of theirs" not in str(record)
