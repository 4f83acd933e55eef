"""Answers that no model gave, that are not drawn as they should be, or that belong to somebody else."""

from __future__ import annotations

import re
from dataclasses import replace

from mutants.healthy import Exchange, Response
from mutants.mutant import Mutant, Prompt, Seams, Thought
from mutants.speaking import refusal_of


def _canned(thought: Thought, _x: Exchange) -> Thought:
    return thought.but(text="I am an assistant, and glad to help.")


def _canned_unless_short(thought: Thought, x: Exchange) -> Thought:
    """A cache answers whatever was asked since the first question."""
    text: str = x.state.setdefault("first", thought.text)
    return thought.but(text=text)


def _heard(prompt: Prompt, x: Exchange) -> Prompt:
    x.state["heard"] = prompt.turns[-1].text
    return prompt


def _echo(thought: Thought, x: Exchange) -> Thought:
    return thought.but(text=x.state["heard"])


def _parrot(thought: Thought, x: Exchange) -> Thought:
    return thought.but(text=f"You said: {x.state['heard']}")


def _off_by_one(thought: Thought, _x: Exchange) -> Thought:
    return thought.but(text=re.sub(r"\d+", lambda found: str(int(found[0]) + 1), thought.text))


def _forgetful(prompt: Prompt, _x: Exchange) -> Prompt:
    return replace(prompt, turns=prompt.turns[-1:])


def _disobedient(prompt: Prompt, _x: Exchange) -> Prompt:
    return replace(prompt, system="")


def _seedless(prompt: Prompt, _x: Exchange) -> Prompt:
    return replace(prompt, seed=None)


def _one_seed(prompt: Prompt, _x: Exchange) -> Prompt:
    return replace(prompt, seed=7)


def _always_cold(prompt: Prompt, _x: Exchange) -> Prompt:
    return replace(prompt, temperature=0.0)


def _never_cold(prompt: Prompt, _x: Exchange) -> Prompt:
    return replace(prompt, temperature=0.8 if prompt.temperature == 0 else prompt.temperature)


def _before(thought: Thought, x: Exchange) -> Thought:
    """Every answer is that to the question before."""
    text = x.state.get("before", thought.text)
    x.state["before"] = thought.text
    return thought.but(text=text)


def _gathered(thought: Thought, x: Exchange) -> Thought:
    """A buffer that all conversations share is never emptied."""
    x.state["all"] = f"{x.state.get('all', '')} {thought.text}"
    return thought.but(text=x.state["all"])


def _streamed_before(thought: Thought, x: Exchange) -> Thought:
    return _before(thought, x) if x.streams else thought


def _limited(headers: dict[str, str], status: int = 429, body: bytes = b"") -> Seams:
    """Every second request is refused for a limit."""

    def seam(response: Response, x: Exchange) -> Response:
        if x.number % 2:
            return response
        refused = Response.of(refusal_of(x.dialect, "rate_limit_error", "too many requests"), status)
        refused.headers |= headers
        refused.body = body or refused.body
        return refused

    return Seams(response=seam)


CANNED = (
    Mutant("every answer is the same", "canned.differs", Seams(thought=_canned)),
    Mutant("a cache takes every question for the first", "canned.differs", Seams(thought=_canned_unless_short)),
    Mutant("an echo answers", "canned.echo", Seams(prompt=_heard, thought=_echo)),
    Mutant("a parrot answers", "canned.echo", Seams(prompt=_heard, thought=_parrot)),
    Mutant("sums are wrong", "canned.knows", Seams(thought=_off_by_one)),
    Mutant("what was said earlier is forgotten", "turns.remembered", Seams(prompt=_forgetful)),
    Mutant("the operator is not obeyed", "system.obeyed", Seams(prompt=_disobedient)),
)

DRAWN = (
    Mutant("seed is ignored", "chance.seed", Seams(prompt=_seedless), ("chat",)),
    Mutant("every seed is the same", "chance.seeds", Seams(prompt=_one_seed), ("chat",)),
    Mutant("nothing is drawn", "chance.seeds", Seams(prompt=_always_cold), ("chat",)),
    Mutant("temperature 0 is not cold", "chance.cold", Seams(prompt=_never_cold)),
)

LOAD = (
    Mutant("answers are mixed between conversations", "concurrency.plain", Seams(thought=_before)),
    Mutant("answers have those of others in them", "concurrency.plain", Seams(thought=_gathered)),
    Mutant("streams are mixed between conversations", "concurrency.stream", Seams(thought=_streamed_before)),
    Mutant("work goes on after its client has gone", "cancel.frees", Seams(slots=6, keeps_slots=True)),
    Mutant("limit without advice", "limits.advice", _limited({})),
    Mutant("advice that is no time", "limits.advice", _limited({"retry-after": "soon"})),
    Mutant("limit is a server error", "limits.advice", _limited({}, status=500)),
    Mutant("limit without an envelope", "limits.advice", _limited({"retry-after": "1"}, body=b'"slow down"')),
)

MUTANTS = (*CANNED, *DRAWN, *LOAD)
