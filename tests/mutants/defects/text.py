"""Text that is broken or cut on its way, and connections that are closed too early."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace

from mutants.healthy import Exchange, Response
from mutants.mutant import Mutant, Prompt, Seams, Thought

AGENTS = ("chat", "messages", "responses", "embeddings", "agent")
FEW = 500
"""Words of a long prompt that are kept."""


def _said(change: Callable[[str], str], streams: bool | None = None) -> Seams:
    """Change what is answered; in streams, plainly, or in both."""

    def seam(thought: Thought, x: Exchange) -> Thought:
        return thought.but(text=change(thought.text)) if streams in (None, x.streams) else thought

    return Seams(thought=seam)


def _latin(response: Response, _x: Exchange) -> Response:
    response.body = response.body.decode().encode("latin-1", "replace")
    return response


def _mangled(text: str) -> str:
    """What a buffer that is cut anywhere makes of characters of several bytes."""
    return re.sub(r"[^\x00-\x7f]", "\ufffd", text)


def _latin_frame(frame: bytes, _x: Exchange) -> bytes:
    return frame.decode().encode("latin-1", "replace")


def _turns(change: Callable[[list[str]], list[str]]) -> Seams:
    """Keep some words of a long turn."""

    def seam(prompt: Prompt, _x: Exchange) -> Prompt:
        turns = tuple(
            replace(turn, text=" ".join(change(turn.text.split()))) if len(turn.text.split()) > FEW else turn
            for turn in prompt.turns
        )
        return replace(prompt, turns=turns)

    return Seams(prompt=seam)


def _closed(where: Callable[[Response], bool]) -> Seams:
    def seam(response: Response, _x: Exchange) -> Response:
        if where(response):
            response.headers["connection"] = "close"
        return response

    return Seams(response=seam)


TEXT = (
    Mutant("bodies in Latin-1", "unicode.plain", Seams(response=_latin)),
    Mutant("characters of several bytes are cut", "unicode.plain", _said(_mangled, streams=False)),
    Mutant("characters of several bytes are cut in streams", "unicode.stream", _said(_mangled, streams=True)),
    Mutant("events in Latin-1", "unicode.stream", Seams(frame=_latin_frame)),
    Mutant("half of an emoji", "unicode.stream", _said(lambda text: text.replace("🦊", "\ud83e"), streams=True)),
    Mutant("signs that are not of ASCII are dropped", "unicode.same",
           _said(lambda text: text.encode("ascii", "ignore").decode())),
    Mutant("emoji are dropped", "unicode.same", _said(lambda text: text.replace("🦊", ""))),
    Mutant("text is decomposed", "unicode.same", _said(lambda text: unicodedata.normalize("NFD", text))),
    Mutant("text is escaped for HTML", "unicode.same",
           _said(lambda text: html.escape(text).encode("ascii", "xmlcharrefreplace").decode())),
    Mutant("UTF-8 taken for Latin-1", "unicode.same", _said(lambda text: text.encode().decode("latin-1"))),
    Mutant("end of a long prompt is dropped", "long.read", _turns(lambda words: words[:FEW])),
    Mutant("middle of a long prompt is dropped", "long.read",
           _turns(lambda words: words[: FEW // 2] + words[-FEW // 2 :])),
    Mutant("beginning of a long prompt is dropped", "long.needle", _turns(lambda words: words[-FEW:])),
)  # fmt: skip

CONNECTIONS = (
    Mutant("every answer closes the connection", "connection.reuse", Seams(closes=True), AGENTS),
    Mutant("every refusal closes the connection", "connection.error", _closed(lambda r: r.status >= 400), AGENTS),
    Mutant("every stream closes the connection", "connection.stream", _closed(lambda r: r.events is not None)),
)

MUTANTS = (*TEXT, *CONNECTIONS)
