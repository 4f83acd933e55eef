"""Phrases in an answer that change the course of a run. Case-insensitive, and only within one sentence."""

from __future__ import annotations

import re

__all__ = ["says_budget_exceeded", "says_unsure"]

#: A sentence ends at a full stop, question or exclamation mark before white space, and at the end of a line.
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|[\r\n]+")


def _sentences(text: str) -> list[str]:
    return _SENTENCE_END.split(text.lower())


def says_budget_exceeded(text: str) -> bool:
    """Returns: True when one sentence holds both "budget" and "exceeded"."""
    return any("budget" in sentence and "exceeded" in sentence for sentence in _sentences(text))


def says_unsure(text: str) -> bool:
    """Returns: True when a sentence says "not sure"."""
    return any("not sure" in sentence for sentence in _sentences(text))
