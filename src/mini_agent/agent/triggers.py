"""Phrases in an answer that change the course of a run. Case-insensitive, and only within one sentence."""

from __future__ import annotations

from mini_agent.core.patterns import Pattern

#: A sentence ends at a full stop, question or exclamation mark before white space, and at the end of a line.
_SENTENCE_END = Pattern(r"[.!?][\"')\]]*[\s\pZ]|[\r\n]")
_WORDS = Pattern("(budget|exceeded)")


def says_budget_exceeded(text: str) -> bool:
    """Returns: True when one sentence holds both "budget" and "exceeded"."""
    lowered = text.lower()
    if "budget" not in lowered or "exceeded" not in lowered:
        return False
    # Where a sentence has both, somewhere in it one follows the other with no word of the two between them.
    _, *rest = _WORDS.split(lowered)
    words, gaps = rest[::2], rest[1::2]
    return any(
        first != second and not _SENTENCE_END.search(gap)
        for first, gap, second in zip(words, gaps, words[1:], strict=False)
    )


def says_unsure(text: str) -> bool:
    """Returns: True when a sentence says "not sure"; no sentence ends between those two words."""
    return "not sure" in text.lower()
