"""OpenAI: chat completions (platform.openai.com/docs/api-reference/chat/create)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from support.live import Line, Request, Said

EXACT = True


def base(environ: Mapping[str, str]) -> str:
    """Return the address; nothing changes it."""
    return "https://api.openai.com"


def ask(line: Line, environ: Mapping[str, str], model: str, prompt: str) -> Said:
    """Ask one question."""
    headers = {"Authorization": f"Bearer {environ['OPENAI_API_KEY']}"}
    body = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    answer = line.call("POST", "/v1/chat/completions", headers, body, limit=("max_completion_tokens",))
    return said(answer)


def said(answer: dict[str, Any]) -> Said:
    """Return what a chat completion says."""
    text = answer["choices"][0]["message"]["content"]
    return Said(text, answer["model"], answer["id"], answer["usage"]["completion_tokens"])


def serve(request: Request, think: Callable[[str], str]) -> tuple[int, Any]:
    """Answer as OpenAI does."""
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"].startswith("Bearer ")
    assert set(request.body) == {"model", "messages", "max_completion_tokens"}
    (message,) = request.body["messages"]
    assert message["role"] == "user"
    return 200, completion(f"{request.body['model']}-2024-07-18", think(message["content"]))


def completion(model: str, text: str) -> dict[str, Any]:
    """Return a chat completion in its recorded shape."""
    message = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    details = {"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0}
    return {
        "id": f"chatcmpl-{abs(hash(text)):x}",
        "object": "chat.completion",
        "created": 1_732_000_000,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 20, "completion_tokens": 2, "total_tokens": 22, "completion_tokens_details": details,
        },
        "service_tier": "default",
        "system_fingerprint": "fp_0",
    }  # fmt: skip
