"""Anthropic: messages (docs.claude.com/en/api/messages)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from support.live import Line, Request, Said

EXACT = True
VERSION = "2023-06-01"


def base(environ: Mapping[str, str]) -> str:
    """Return the address; nothing changes it."""
    return "https://api.anthropic.com"


def ask(line: Line, environ: Mapping[str, str], model: str, prompt: str) -> Said:
    """Ask one question."""
    headers = {"x-api-key": environ["ANTHROPIC_API_KEY"], "anthropic-version": VERSION}
    body = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    answer = line.call("POST", "/v1/messages", headers, body, limit=("max_tokens",))
    return Said(answer["content"][0]["text"], answer["model"], answer["id"], answer["usage"]["output_tokens"])


def serve(request: Request, think: Callable[[str], str]) -> tuple[int, Any]:
    """Answer as Anthropic does."""
    assert (request.method, request.path) == ("POST", "/v1/messages")
    assert request.headers["x-api-key"]
    assert request.headers["anthropic-version"] == VERSION
    assert set(request.body) == {"model", "messages", "max_tokens"}
    (message,) = request.body["messages"]
    assert message["role"] == "user"
    return 200, {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": f"{request.body['model']}-20251001",
        "content": [{"type": "text", "text": think(message["content"])}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 20, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 5,
        },
    }  # fmt: skip
