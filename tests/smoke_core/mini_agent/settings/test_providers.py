"""The list of provider names that we carry so that LiteLLM need not be imported."""

from __future__ import annotations

from mini_agent.dialects import Dialect
from mini_agent.settings.providers import FAST_PATH, LITELLM_PROVIDERS
from mini_agent.upstreams.registry import client_of


def test_fast_path_and_sdk_table() -> None:
    """Who speaks one of the three dialects is asked in it, the rest through LiteLLM; the entry overrides."""
    assert {client_of(name, None) for name in FAST_PATH} == {("openai_http", Dialect.CHAT)}
    assert client_of("anthropic", None) == client_of("anthropic", "http") == ("anthropic_http", Dialect.MESSAGES)
    assert client_of("anthropic", "sdk") == ("litellm_sdk", Dialect.CHAT)
    assert client_of("anthropic", None, "openai_chat") == ("openai_http", Dialect.CHAT)
    assert client_of("openai_responses", None) == ("openai_responses", Dialect.RESPONSES)
    assert client_of("openai", None, "openai_responses") == ("openai_responses", Dialect.RESPONSES)
    assert client_of("gemini", None, "anthropic_messages") == ("anthropic_http", Dialect.MESSAGES)
    assert client_of("openai", "sdk") == ("litellm_sdk", Dialect.CHAT)
    assert client_of("codex_cli_agent", None) == client_of("codex-agent", "http") == ("codex_agent", Dialect.CHAT)
    assert client_of("mini-agent", None) == ("mini_agent", Dialect.CHAT)
    assert {"anthropic", "gemini", "ollama", "openai"} <= LITELLM_PROVIDERS
