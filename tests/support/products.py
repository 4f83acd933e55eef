"""Products that the harness must not name to strangers."""

from __future__ import annotations

import re

PRODUCT = re.compile(
    r"codex|mini[_-]?agent|local/artifacts|mvp|litellm|ollama|anthropic|openai|gemini|supermemory|chutes|qwen|llama",
    re.IGNORECASE,
)
