"""Tokens as OpenAI's dialects count them: the same counts under two names."""

from __future__ import annotations

from typing import Any

import msgspec

from mini_agent.dialects.answer import Usage


class _Details(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class _RawUsage(msgspec.Struct):
    """Usage on the wire; null is as good as absent. The first four names are those of chat."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None


def read_usage(value: object) -> Usage:
    """Returns: the counts of a provider's `usage`, zero where it gives none, or nothing that can be read."""
    if value is None:
        return Usage()
    try:
        usage = msgspec.convert(value, _RawUsage)
    except msgspec.ValidationError:
        return Usage()
    read = usage.prompt_tokens_details or usage.input_tokens_details or _Details()
    written = usage.completion_tokens_details or usage.output_tokens_details or _Details()
    return Usage(
        input=usage.prompt_tokens or usage.input_tokens or 0,
        output=usage.completion_tokens or usage.output_tokens or 0,
        cached=read.cached_tokens or 0,
        cache_written=read.cache_write_tokens or 0,
        reasoning=written.reasoning_tokens or 0,
    )


def write_usage(usage: Usage, read: str, written: str) -> dict[str, Any]:
    """Returns: the counts as a dialect writes them. read, written: its names for what was read and written."""
    return {
        read: usage.input,
        f"{read}_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_written},
        written: usage.output,
        f"{written}_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
