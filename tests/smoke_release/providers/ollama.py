"""Ollama: its own chat protocol (docs.ollama.com/api), at the address that the caller names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from support.live import Line, Request, Said

EXACT = False
SERVED = "smollm2:135m"


def base(environ: Mapping[str, str]) -> str:
    """Return the address: a server of the caller's own, wherever it is."""
    return environ["OLLAMA_API_BASE"].strip().rstrip("/")


def ask(line: Line, environ: Mapping[str, str], model: str, prompt: str) -> Said:
    """Ask one question of the wished model, or of the first that the server lists."""
    name = model or environ.get("OLLAMA_MODEL", "").strip()
    if not name:
        name = line.call("GET", "/api/tags", {})["models"][0]["name"]
    body = {"model": name, "messages": [{"role": "user", "content": prompt}], "stream": False}
    answer = line.call("POST", "/api/chat", {}, body, limit=("options", "num_predict"))
    assert answer["done"] is True
    return Said(answer["message"]["content"], answer["model"], "", answer["eval_count"])


def serve(request: Request, think: Callable[[str], str]) -> tuple[int, Any]:
    """Answer as Ollama does."""
    if (request.method, request.path) == ("GET", "/api/tags"):
        details = {"format": "gguf", "family": "llama", "parameter_size": "134.52M", "quantization_level": "F16"}
        modified = "2026-11-20T10:00:00Z"
        return 200, {
            "models": [{"name": SERVED, "model": SERVED, "modified_at": modified, "size": 1, "details": details}]
        }
    assert (request.method, request.path) == ("POST", "/api/chat")
    assert set(request.body) == {"model", "messages", "stream", "options"}
    assert request.body["stream"] is False
    assert set(request.body["options"]) == {"num_predict"}
    (message,) = request.body["messages"]
    return 200, {
        "model": request.body["model"],
        "created_at": "2026-11-20T10:00:00.000000Z",
        "message": {"role": "assistant", "content": think(message["content"])},
        "done": True,
        "done_reason": "stop",
        "total_duration": 90_000_000,
        "load_duration": 10_000_000,
        "prompt_eval_count": 20,
        "prompt_eval_duration": 20_000_000,
        "eval_count": 3,
        "eval_duration": 60_000_000,
    }
