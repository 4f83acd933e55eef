"""A real Supermemory-compatible service on loopback, whose content a test sets and whose requests it can read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from support.loop_thread import LoopThread
from support.upstream import Behaviour, Upstream, answer

#: The key that configurations of ours give to the service. Tests look for it where it must not be.
MEMORY_KEY = "sm-memory-0123456789"


class MemoryService(Upstream):
    """Answers from containers; a script replaces that, as for a provider.

    remember: puts results into a container. documents: by id, with the container they belong to.
    """

    def __init__(self, loop: LoopThread) -> None:
        super().__init__(loop)
        self._containers: dict[str, list[dict[str, Any]]] = {}
        self.documents: dict[str, dict[str, Any]] = {}
        self.script(self.serve)

    @property
    def base(self) -> str:
        """Returns: the `base_url` of this service."""
        return f"http://127.0.0.1:{self.port}"

    def remember(self, container: str, *items: Mapping[str, Any] | str) -> None:
        """Put results into a container."""
        found = self._containers.setdefault(container, [])
        found.extend({"content": item} if isinstance(item, str) else dict(item) for item in items)

    def section(self, **more: Any) -> dict[str, Any]:
        """Returns: a `context_retrieval` section that points here."""
        return {"enabled": True, "api_key": MEMORY_KEY, "base_url": self.base, **more}

    def recover(self) -> None:
        """Answer from the containers again."""
        self.script(self.serve)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer from the containers and documents."""
        if request.headers.get("authorization") != f"Bearer {MEMORY_KEY}":
            return web.json_response({"error": "unauthorized"}, status=401)
        if request.path == "/v4/profile":
            body = await request.json()
            found = self._containers.get(body["containerTag"], [])
            return web.json_response({"profile": {"static": [], "dynamic": []}, "searchResults": {"results": found}})
        if request.path == "/v3/search":
            body = await request.json()
            return web.json_response({"results": self._containers.get(body["containerTag"], [])})
        document = self.documents.get(request.path.removeprefix("/v3/documents/"))
        return web.json_response(document or {"error": "not found"}, status=200 if document else 404)


def results(items: Iterable[Any]) -> Behaviour:
    """Answer with these results, whatever the question."""
    return answer({"results": list(items)})
