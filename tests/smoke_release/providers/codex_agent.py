"""A codex agent: OpenAI's chat protocol at the one base, `codex-agent-1` unless the caller names another group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from smoke_release.providers import openai
from support.live import Line, Request, Said

EXACT = False


def base(environ: Mapping[str, str]) -> str:
    """Return the one base, with or without `/v1`."""
    return environ["CODEX_AGENT_API_BASE"].strip().rstrip("/").removesuffix("/v1")


def ask(line: Line, environ: Mapping[str, str], model: str, prompt: str) -> Said:
    """Ask one question."""
    headers = {"Authorization": f"Bearer {environ['CODEX_AGENT_API_KEY']}"}
    body = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    return openai.said(line.call("POST", "/v1/chat/completions", headers, body, limit=("max_tokens",)))


def serve(request: Request, think: Callable[[str], str]) -> tuple[int, Any]:
    """Answer as an agent behind a gateway does."""
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"].startswith("Bearer ")
    assert set(request.body) == {"model", "messages", "max_tokens"}
    (message,) = request.body["messages"]
    return 200, openai.completion(request.body["model"], think(message["content"]))
