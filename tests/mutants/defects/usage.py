"""Tokens that are told wrongly, or not at all; parts of a conversation that nobody reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mutants.change import drop, drop_events, edit, in_events, put
from mutants.mutant import Exchange, Mutant, Prompt, Seams, Sent, Thought

EVENTS_USAGE = ("message.usage", "usage", "response.usage")
PROMPT = ("usage.prompt_tokens", "usage.input_tokens")
ANSWER = ("usage.completion_tokens", "usage.output_tokens")


def _frozen(thought: Thought, _x: Exchange) -> Thought:
    return thought.but(prompt_tokens=12)


def _always_ten(thought: Thought, _x: Exchange) -> Thought:
    return thought.but(answer_tokens=10)


def _nothing(thought: Thought, _x: Exchange) -> Thought:
    return thought.but(prompt_tokens=0, answer_tokens=0)


def _no_last_chunk(events: list[Sent], _x: Exchange) -> list[Sent]:
    return [event for event in events if event.data == "[DONE]" or event.data["choices"]]


def _more(usage: Any) -> Any:
    return {name: value + 7 for name, value in usage.items()} if usage else usage


def _last_turn(prompt: Prompt, _x: Exchange) -> Prompt:
    return replace(prompt, turns=prompt.turns[-1:])


def _users_only(prompt: Prompt, _x: Exchange) -> Prompt:
    """The history is cut to what fits, and too little fits."""
    return replace(prompt, turns=prompt.turns[-1:]) if len(prompt.turns) > 2 else prompt


def _no_system(prompt: Prompt, _x: Exchange) -> Prompt:
    return replace(prompt, system="")


def _own_system(prompt: Prompt, _x: Exchange) -> Prompt:
    """The operator's text gives way to the gateway's own."""
    return replace(prompt, system="Be helpful.") if prompt.system else prompt


MUTANTS = (
    Mutant("usage missing", "usage.plain", drop("usage")),
    Mutant("usage is null", "usage.plain", put(None, "usage")),
    Mutant("usage of nothing but zeros", "usage.plain", Seams(thought=_nothing)),
    Mutant("no tokens of the prompt", "usage.plain", drop(*PROMPT)),
    Mutant("no tokens of the answer", "usage.plain", drop(*ANSWER)),
    Mutant("tokens as text", "usage.plain", edit(str, *PROMPT, *ANSWER)),
    Mutant("total is not the sum", "usage.plain", put(1, "usage.total_tokens"), ("chat", "responses")),
    Mutant("usage missing in a stream", "usage.stream", Seams(events=_no_last_chunk), ("chat",)),
    Mutant("usage missing in the events", "usage.stream", drop_events(*EVENTS_USAGE)),
    Mutant("a stream costs other tokens than a plain answer", "usage.stream", in_events(_more, *EVENTS_USAGE)),
    Mutant("usage of the prompt is always 12", "usage.prompt", Seams(thought=_frozen)),
    Mutant("usage of the answer is always 10", "usage.answer", Seams(thought=_always_ten)),
    Mutant("only the last turn is read", "turns.read", Seams(prompt=_last_turn)),
    Mutant("a history that is longer than one exchange is dropped", "turns.read", Seams(prompt=_users_only)),
    Mutant("the operator's text is dropped", "system.read", Seams(prompt=_no_system)),
    Mutant("the operator's text gives way to another", "system.read", Seams(prompt=_own_system)),
)
