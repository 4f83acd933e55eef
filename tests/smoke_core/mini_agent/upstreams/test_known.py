"""The list of provider names that we carry so that LiteLLM need not be imported."""

from __future__ import annotations

from mini_agent.upstreams.known import FAST_PATH, LITELLM_PROVIDERS
from mini_agent.upstreams.registry import client_of


def test_fast_path_and_sdk_table() -> None:
    """OpenAI-compatible providers use our client, the rest LiteLLM; the entry's transport overrides."""
    assert {client_of(name, None) for name in FAST_PATH} == {"openai_http"}
    assert client_of("anthropic", None) == "litellm_sdk"
    assert client_of("anthropic", "http") == "openai_http"
    assert client_of("openai", "sdk") == "litellm_sdk"
    assert client_of("codex_cli_agent", None) == client_of("codex-agent", "http") == "codex_agent"
    assert client_of("mini-agent", None) == "mini_agent"
    assert {"anthropic", "gemini", "ollama", "openai"} <= LITELLM_PROVIDERS
