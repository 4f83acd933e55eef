"""Tokens that are told wrongly, or not at all."""

from __future__ import annotations

from typing import Any

from mutants.mutant import Exchange, Mutant, Seams, Sent, Thought, every_event


def _without_usage(body: Any, _x: Exchange) -> Any:
    return {name: value for name, value in body.items() if name != "usage"}


def _frozen(thought: Thought, _x: Exchange) -> Thought:
    return thought.but(prompt_tokens=12)


def _no_usage_in_stream(events: list[Sent], x: Exchange) -> list[Sent]:
    return every_event(lambda data, _x: data if data["choices"] else None)(events, x)


MUTANTS = (
    Mutant("usage missing", "usage.plain", Seams(body=_without_usage)),
    Mutant("usage of the prompt is always 12", "usage.prompt", Seams(thought=_frozen)),
    Mutant("usage missing in a stream", "usage.stream", Seams(events=_no_usage_in_stream), ("chat",)),
)
