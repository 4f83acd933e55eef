"""Gemini: generateContent (ai.google.dev/api/generate-content), without thinking, which costs tokens of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from support.live import Line, Request, Said

EXACT = True


def base(environ: Mapping[str, str]) -> str:
    """Return the address; nothing changes it."""
    return "https://generativelanguage.googleapis.com"


def ask(line: Line, environ: Mapping[str, str], model: str, prompt: str) -> Said:
    """Ask one question."""
    headers = {"x-goog-api-key": environ["GEMINI_API_KEY"]}
    options: dict[str, Any] = {"thinkingConfig": {"thinkingBudget": 0}}
    body = {"contents": [{"role": "user", "parts": [{"text": prompt}]}], "generationConfig": options}
    path = f"/v1beta/models/{model}:generateContent"
    answer = line.call("POST", path, headers, body, limit=("generationConfig", "maxOutputTokens"))
    text = "".join(part["text"] for part in answer["candidates"][0]["content"]["parts"])
    return Said(text, answer["modelVersion"], answer["responseId"], answer["usageMetadata"]["candidatesTokenCount"])


def serve(request: Request, think: Callable[[str], str]) -> tuple[int, Any]:
    """Answer as Gemini does."""
    assert request.method == "POST"
    model = request.path.removeprefix("/v1beta/models/").removesuffix(":generateContent")
    assert request.path == f"/v1beta/models/{model}:generateContent"
    assert request.headers["x-goog-api-key"]
    assert set(request.body) == {"contents", "generationConfig"}
    assert set(request.body["generationConfig"]) == {"thinkingConfig", "maxOutputTokens"}
    (content,) = request.body["contents"]
    (part,) = content["parts"]
    answer = {"role": "model", "parts": [{"text": think(part["text"])}]}
    return 200, {
        "candidates": [{"content": answer, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {
            "promptTokenCount": 16, "candidatesTokenCount": 2, "totalTokenCount": 18,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 16}],
        },
        "modelVersion": model,
        "responseId": "r-0",
    }  # fmt: skip
