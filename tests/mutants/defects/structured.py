"""Schemas that are not kept, and pictures that nobody sees."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mutants.mutant import Exchange, Mutant, Prompt, RefusedError, Seams, Thought
from mutants.speaking import bad

WITH_SCHEMA = ("chat", "responses")


def _wants(x: Exchange) -> bool:
    return b'"json_schema"' in x.raw


def _unconstrained(where: Callable[[Exchange], bool]) -> Seams:
    return Seams(prompt=lambda prompt, x: replace(prompt, schema=None) if where(x) else prompt)


def _text(change: Callable[[str], str]) -> Seams:
    return Seams(thought=lambda thought, x: thought.but(text=change(thought.text)) if _wants(x) else thought)


def _value(**members: Any) -> Seams:
    """The object has other members; None for one that is missing."""

    def change(text: str) -> str:
        value = {**json.loads(text), **members}
        return json.dumps({name: one for name, one in value.items() if one is not None})

    return _text(change)


def _nonsense(x: Exchange) -> bool:
    return b'"nonsense"' in x.raw


def _nonsense_as(refused: RefusedError | None) -> Seams:
    return Seams(refused=lambda refusal, x: refused if _nonsense(x) else refusal)


def _shown(x: Exchange) -> bool:
    return b"image" in x.raw


def _blind(prompt: Prompt, _x: Exchange) -> Prompt:
    return replace(prompt, turns=tuple(replace(turn, png=None) for turn in prompt.turns))


def _grey(thought: Thought, x: Exchange) -> Thought:
    return thought.but(text="It is grey.") if _shown(x) else thought


def _no_pictures(refusal: RefusedError | None, x: Exchange) -> RefusedError | None:
    return bad("`content` must be text") if _shown(x) else refusal


def _speechless(thought: Thought, x: Exchange) -> Thought:
    return thought.but(text="") if _shown(x) else thought


def _broken_as(refused: RefusedError | None) -> Seams:
    return Seams(refused=lambda refusal, x: refused if refusal and _shown(x) else refusal)


STRUCTURED = (
    Mutant("schema is ignored", "structured.plain", _unconstrained(lambda x: not x.streams), WITH_SCHEMA),
    Mutant("JSON in a fence of Markdown", "structured.plain", _text(lambda text: f"```json\n{text}\n```"), WITH_SCHEMA),
    Mutant("words before the JSON", "structured.plain", _text(lambda text: f"Here it is: {text}"), WITH_SCHEMA),
    Mutant("JSON is cut", "structured.plain", _text(lambda text: text[:-5]), WITH_SCHEMA),
    Mutant("a member that is required is missing", "structured.plain", _value(mood=None), WITH_SCHEMA),
    Mutant("a member that nobody asked for", "structured.plain", _value(extra=1), WITH_SCHEMA),
    Mutant("number as text", "structured.plain", _value(age="34"), WITH_SCHEMA),
    Mutant("value that is not of the list", "structured.plain", _value(mood="happy"), WITH_SCHEMA),
    Mutant("object in the place of a list", "structured.plain", _value(pets={"kind": "cat"}), WITH_SCHEMA),
    Mutant("inner object of another form", "structured.plain", _value(pets=[{"name": "cat"}]), WITH_SCHEMA),
    Mutant("schema is ignored in streams", "structured.stream", _unconstrained(lambda x: x.streams), WITH_SCHEMA),
    Mutant("values are made up", "structured.values", _value(name="John", age=1), WITH_SCHEMA),
    Mutant("schema of nonsense is taken", "structured.refused", _nonsense_as(None), WITH_SCHEMA),
    Mutant("schema of nonsense breaks the server", "structured.refused",
           _nonsense_as(RefusedError(500, "api_error", "KeyError: 'nonsense'")), WITH_SCHEMA),
)  # fmt: skip

IMAGES = (
    Mutant("pictures are refused", "images.taken", Seams(refused=_no_pictures)),
    Mutant("answer to a picture is empty", "images.taken", Seams(thought=_speechless)),
    Mutant("pictures are dropped", "images.seen", Seams(prompt=_blind)),
    Mutant("every picture is grey", "images.seen", Seams(thought=_grey)),
    Mutant("what is no picture is taken", "images.broken", _broken_as(None)),
    Mutant("what is no picture breaks the server", "images.broken",
           _broken_as(RefusedError(500, "api_error", "UnidentifiedImageError"))),
)  # fmt: skip

MUTANTS = (*STRUCTURED, *IMAGES)
