"""Marks of a prompt's cached part in OpenAI's dialects: their own, and Anthropic's, which many servers take there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mini_agent.dialects.names import Dialect
from mini_agent.dialects.parameters import Losses
from mini_agent.dialects.reading import optional_text, read_object
from mini_agent.dialects.request import Cache


def read_cache(part: Mapping[str, Any], where: str) -> Cache | None:
    """Returns: the mark of a part, None without one. Raises: InvalidParameter."""
    if part.get("prompt_cache_breakpoint") is not None:
        read_object(part["prompt_cache_breakpoint"], f"{where}.prompt_cache_breakpoint")
        return Cache(breakpoint=True)
    if part.get("cache_control") is None:
        return None
    mark = read_object(part["cache_control"], f"{where}.cache_control")
    return Cache(optional_text(mark.get("ttl"), f"{where}.cache_control.ttl"))


def write_cache(mark: Cache | None, losses: Losses) -> dict[str, Any]:
    """Returns: the mark for a provider. Anthropic's own is dropped: OpenAI's providers cache by themselves."""
    if mark is None:
        return {}
    if mark.breakpoint:
        return {"prompt_cache_breakpoint": {"mode": "explicit"}}
    if losses.source is Dialect.CHAT and losses.target is Dialect.CHAT:
        return {"cache_control": {"type": "ephemeral", **({"ttl": mark.ttl} if mark.ttl else {})}}
    losses.drop("cache_control")
    return {}
