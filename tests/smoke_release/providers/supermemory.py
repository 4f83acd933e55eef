"""Supermemory: a document that is added, read and removed again (supermemory.ai/docs/api-reference)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from support.live import Line, Request, Said

EXACT = False
TAG = "greenlane-release"
SHAPE = {"title": None, "summary": None, "type": "text", "metadata": None, "containerTags": [TAG]}


def base(environ: Mapping[str, str]) -> str:
    """Return the address; nothing changes it."""
    return "https://api.supermemory.ai"


def ask(line: Line, environ: Mapping[str, str], model: str, prompt: str) -> Said:
    """Store a text, read it back, and remove it whatever was read."""
    headers = {"Authorization": f"Bearer {environ['SUPERMEMORY_API_KEY']}"}
    added = line.call("POST", "/v3/documents", headers, {"content": prompt, "containerTag": TAG})
    path = f"/v3/documents/{added['id']}"
    try:
        document = line.call("GET", path, headers)
    finally:
        # 409: it is still being taken in; the service drops what it cannot process by itself.
        line.call("DELETE", path, headers, status=(204, 409))
    assert document["id"] == added["id"]
    return Said(document["content"], "supermemory", added["id"])


def serve(request: Request, think: Callable[[str], str]) -> tuple[int, Any]:
    """Answer as Supermemory does: the id stands for the content, so that nothing need be kept."""
    assert request.headers["authorization"].startswith("Bearer ")
    if request.method == "POST":
        assert request.path == "/v3/documents"
        assert set(request.body) == {"content", "containerTag"}
        return 200, {"id": request.body["content"].encode().hex(), "status": "queued"}
    name = request.path.removeprefix("/v3/documents/")
    assert request.path == f"/v3/documents/{name}"
    if request.method == "DELETE":
        return 204, None
    assert request.method == "GET"
    return 200, {"id": name, "content": bytes.fromhex(name).decode(), "status": "queued", **SHAPE}
