"""One minimal, cheap call to each live provider. The lane skips each of them, loudly, while its gate is closed."""

from __future__ import annotations

import os
from typing import Any

import httpx
import pytest

TOKENS = 5
SECONDS = 30.0
PROMPT = "Answer with the single word: green"


def post(url: str, headers: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of one bounded call.

    Raises:
        AssertionError: the provider answered with another status than 200.
    """
    reply = httpx.post(url, headers=headers, json=body, timeout=SECONDS)
    assert reply.status_code == 200, f"status {reply.status_code}: {reply.text[:200]}"
    answer: dict[str, Any] = reply.json()
    return answer


@pytest.mark.provider("openai")
def test_openai() -> None:
    """OpenAI answers a chat request with text, the model that gave it, and a count of tokens."""
    answer = post(
        "https://api.openai.com/v1/chat/completions",
        {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"},
        {"model": "gpt-4o-mini", "max_completion_tokens": TOKENS, "messages": [{"role": "user", "content": PROMPT}]},
    )
    assert answer["choices"][0]["message"]["content"].strip()
    assert answer["model"].startswith("gpt-4o-mini")
    assert 0 < answer["usage"]["completion_tokens"] <= TOKENS


@pytest.mark.provider("anthropic")
def test_anthropic() -> None:
    """Anthropic answers a message with text, the model that gave it, and a count of tokens."""
    answer = post(
        "https://api.anthropic.com/v1/messages",
        {"x-api-key": os.environ["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"},
        {"model": "claude-haiku-4-5", "max_tokens": TOKENS, "messages": [{"role": "user", "content": PROMPT}]},
    )
    assert answer["content"][0]["text"].strip()
    assert answer["model"].startswith("claude-haiku-4-5")
    assert 0 < answer["usage"]["output_tokens"] <= TOKENS


@pytest.mark.provider("gemini")
def test_gemini() -> None:
    """Gemini answers a prompt with a candidate, the model that gave it, and a count of tokens."""
    answer = post(
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent",
        {"x-goog-api-key": os.environ["GEMINI_API_KEY"]},
        {"contents": [{"parts": [{"text": PROMPT}]}], "generationConfig": {"maxOutputTokens": 64}},
    )
    assert answer["candidates"]
    assert answer["modelVersion"].startswith("gemini-2.5-flash")
    assert answer["usageMetadata"]["totalTokenCount"] > 0
