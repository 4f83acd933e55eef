"""A model made of rules: it answers what the pack asks, always the same way, and nothing of it is written down."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

CITIES = ("Paris", "Rome", "Oslo", "Lima", "Cairo", "Delhi", "Quito", "Bern")
WORDS = "otter heron maple river cloud amber stone candle violet harbour meadow copper lantern winter garden".split()
COLOURS = {"red": (230, 20, 20), "green": (20, 160, 20), "blue": (20, 20, 230), "yellow": (240, 230, 20)}
ROOM = 32_000
"""Tokens that the model can read."""


@dataclass(frozen=True)
class Turn:
    """What was said: `role` is `user`, `assistant` or `tool`; `calls` are (id, name, arguments) of an assistant."""

    role: str
    text: str = ""
    png: bytes | None = None
    calls: tuple[tuple[str, str, Any], ...] = ()
    call_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A request in no dialect; `tools` are (name, schema), `choice` as in `values.Question`."""

    turns: tuple[Turn, ...]
    system: str = ""
    max_tokens: int = 1024
    stop: tuple[str, ...] = ()
    temperature: float = 1.0
    seed: int | None = None
    tools: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    choice: str = "auto"
    schema: Mapping[str, Any] | None = None

    @property
    def tokens(self) -> int:
        """Tokens of all that the model reads."""
        parts = [self.system, *(turn.text for turn in self.turns)]
        parts += [f"{name} {json.dumps(arguments)}" for turn in self.turns for _, name, arguments in turn.calls]
        parts += [f"{name} {json.dumps(schema)}" for name, schema in self.tools]
        pictures = sum(turn.png is not None for turn in self.turns)
        return sum(len(tokens_of(part)) for part in parts) + 3 * len(self.turns) + 64 * pictures + 1


@dataclass(frozen=True)
class Thought:
    """An answer in no dialect: `ended` is `stop`, `length`, `tools` or `stop_text`, `stop` the text that was met."""

    text: str = ""
    calls: tuple[tuple[str, str, dict[str, Any]], ...] = ()
    ended: str = "stop"
    stop: str = ""
    prompt_tokens: int = 0
    answer_tokens: int = 0

    def but(self, **fields: Any) -> Thought:
        """Return this thought with other fields."""
        return replace(self, **fields)


@dataclass
class Brain:
    """Thinks. `drawn` counts answers that were left to chance."""

    drawn: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def think(self, prompt: Prompt) -> Thought:
        """Return the answer to a prompt."""
        calls = self._calls(prompt)
        if calls:
            cost = sum(len(tokens_of(json.dumps(arguments))) + 3 for _, _, arguments in calls)
            return Thought("", calls, "tools", "", prompt.tokens, cost)
        return self._cut(prompt, self._text(prompt))

    def _cut(self, prompt: Prompt, text: str) -> Thought:
        ended, met = "stop", ""
        places = sorted((text.index(stop), stop) for stop in prompt.stop if stop in text)
        if places:
            text, ended, met = text[: places[0][0]], "stop_text", places[0][1]
        pieces = tokens_of(text)
        if len(pieces) > prompt.max_tokens:
            pieces, ended, met = pieces[: prompt.max_tokens], "length", ""
        return Thought("".join(pieces), (), ended, met, prompt.tokens, len(pieces))

    def _calls(self, prompt: Prompt) -> tuple[tuple[str, str, dict[str, Any]], ...]:
        last = prompt.turns[-1]
        if not prompt.tools or prompt.choice == "none" or last.role == "tool":
            return ()
        cities = [city for city in CITIES if re.search(rf"\b{city}\b", last.text)]
        cities.sort(key=last.text.index)
        forced = prompt.choice not in ("auto", "")
        if not cities and not forced:
            return ()
        names = [name for name, _ in prompt.tools]
        name = prompt.choice if prompt.choice in names else names[0]
        return tuple((f"call_{next(self.ids):08d}", name, {"city": city}) for city in cities or ["Bern"])

    def _text(self, prompt: Prompt) -> str:
        last = prompt.turns[-1]
        obey = re.search(r"answer with the single word (\w+)", prompt.system)
        if obey:
            return obey[1]
        if last.role == "tool":
            return _results(prompt)
        if prompt.schema is not None:
            return json.dumps(_filled(prompt.schema, last.text), ensure_ascii=False)
        if last.png is not None:
            return f"It is {colour_of(last.png)}."
        return self._said(prompt, last.text)

    def _said(self, prompt: Prompt, text: str) -> str:
        if found := re.search(r"Repeat exactly: (.*)", text, re.DOTALL):
            return found[1]
        if found := re.search(r"What is (\d+) \+ (\d+)", text):
            return str(int(found[1]) + int(found[2]))
        if "What is my code word?" in text:
            known = re.search(r"code word is (\w+)", " ".join(t.text for t in prompt.turns if t.role == "user"))
            return known[1] if known else "I do not know it."
        if found := re.search(r"Count from 1 to (\d+)", text):
            return " ".join(map(str, range(1, int(found[1]) + 1)))
        if found := re.search(r"short story about (\w+)", text):
            return f"Once {found[1]} met {self._drawn(prompt, found[1], 14)}."
        hello = re.search(r"[Ss]ay hello to (\w+)", text)
        greeting = f"Hello, {hello[1]}, good to see you. " if hello else ""
        digest = hashlib.sha256(text.encode()).digest()
        return greeting + " ".join(WORDS[byte % len(WORDS)] for byte in digest[:8]) + "."

    def _drawn(self, prompt: Prompt, topic: str, count: int) -> str:
        """Return words that the seed draws; without a seed they differ each time, at temperature 0 never."""
        seed = 0 if prompt.temperature == 0 else prompt.seed if prompt.seed is not None else next(self.drawn)
        draw = random.Random(f"{topic} {seed} {prompt.temperature}")
        return " ".join(draw.choice(WORDS) for _ in range(count))


def tokens_of(text: str) -> list[str]:
    """Return the tokens of a text: words, each with the blanks before it."""
    return re.findall(r"\s*\S+|\s+$", text)


def _results(prompt: Prompt) -> str:
    """Return what the tools said, in the order in which they were called."""
    order = [call_id for turn in prompt.turns for call_id, _, _ in turn.calls]
    said = {turn.call_id: turn.text for turn in prompt.turns if turn.role == "tool"}
    return " ".join(said[call_id] for call_id in order if call_id in said) or " ".join(said.values())


def _filled(schema: Mapping[str, Any], text: str) -> Any:
    """Return a value for a schema, with what the text says."""
    if "enum" in schema:
        return next((one for one in schema["enum"] if one in text), schema["enum"][0])
    kind = schema.get("type")
    if kind == "object":
        return {name: _filled(part, text) for name, part in schema["properties"].items()}
    if kind == "array":
        return [_filled(schema["items"], "cat")]
    if kind == "integer":
        found = re.search(r"\d+", text)
        return int(found[0]) if found else 0
    words = re.findall(r"\w+", text)
    return words[0] if words else ""


def colour_of(png: bytes) -> str:
    """Return the name of the colour of a PNG that has one; ValueError for what is no PNG."""
    if not png.startswith(b"\x89PNG\r\n\x1a\n"):
        raise ValueError("no PNG")
    data = b""
    at = 8
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + size]
        at += size + 12
    pixel = zlib.decompress(data)[1:4]
    return min(COLOURS, key=lambda name: sum(abs(a - b) for a, b in zip(COLOURS[name], pixel, strict=True)))
