"""Searching a Supermemory-compatible service (GATEWAY 8.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from mini_agent.memory.service import MemoryService
from mini_agent.memory.values import Lookup, Memory
from mini_agent.net.sessions import Sessions
from mini_agent.settings.schema import ContextRetrieval

#: Kept of a text; less of it is ever shown, and answers stay in a cache.
_KEPT_CHARACTERS = 4000
_TEXTS = ("content", "text", "memory", "chunk")
_SOURCES = ("source", "url")


class SupermemoryRetriever:
    """Asks for the profile of a container, with search results for the query."""

    def __init__(self, service: MemoryService) -> None:
        self._service = service

    async def search(self, lookup: Lookup) -> Sequence[Memory]:
        """Ask once. Returns: at most `limit` results. Raises: RetrievalFailed."""
        body = {"q": lookup.query, "containerTag": lookup.container, "limit": lookup.limit}
        answer = await self._service.ask("POST", "/v4/profile", lookup.user_id, body=body)
        memories = (memory_of(item) for item in (*results_of(answer), *_profile(answer)))
        return list(islice((memory for memory in memories if memory.text), lookup.limit))


def open_supermemory(options: ContextRetrieval, sessions: Sessions) -> SupermemoryRetriever:
    """Returns: the retriever of `context_retrieval`."""
    return SupermemoryRetriever(MemoryService(sessions, options.base_url, options.api_key or ""))


def results_of(answer: Mapping[str, Any]) -> list[Any]:
    """Returns: the results of an answer, which stand under `results` or `searchResults`, and none elsewhere."""
    found = answer.get("results", answer.get("searchResults"))
    if isinstance(found, Mapping):
        found = found.get("results")
    return found if isinstance(found, list) else []


def memory_of(item: Any) -> Memory:
    """Read one result, an object or a bare text. Returns: the memory, without text when the item has none."""
    if isinstance(item, str):
        return Memory(text=item)
    if not isinstance(item, Mapping):
        return Memory(text="")
    metadata = item.get("metadata")
    layers = [item, metadata] if isinstance(metadata, Mapping) else [item]
    return Memory(
        text=_first([item], _TEXTS) or "\n".join(_chunks(item))[:_KEPT_CHARACTERS],
        title=_first(layers, ("title",)),
        source=_first(layers, _SOURCES),
    )


def _profile(answer: Mapping[str, Any]) -> Iterator[Any]:
    """Yield what the service knows of the user whatever the question."""
    profile = answer.get("profile")
    for name in ("static", "dynamic"):
        facts = profile.get(name) if isinstance(profile, Mapping) else None
        yield from facts if isinstance(facts, list) else ()


def _chunks(item: Mapping[str, Any]) -> Iterator[str]:
    chunks = item.get("chunks")
    for chunk in chunks if isinstance(chunks, list) else ():
        if isinstance(chunk, Mapping) and isinstance(text := chunk.get("content"), str):
            yield text


def _first(layers: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    for layer in layers:
        for name in names:
            if isinstance(text := layer.get(name), str) and text.strip():
                return text[:_KEPT_CHARACTERS]
    return ""
