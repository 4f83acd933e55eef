"""What a dialect of conversations can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from greenlane.ext.probe.values import Answer, Event, Question, Usage


class Speech(Protocol):
    """A dialect: how a question is written, and an answer is read."""

    path: str

    def headers(self, key: str) -> dict[str, str]:
        """Return what a request carries beside its body."""

    def body(self, question: Question, model: str, *, stream: bool) -> dict[str, Any]:
        """Return a request."""

    def answer(self, body: dict[str, Any]) -> Answer:
        """Return a plain answer."""

    def joined(self, events: Sequence[Event]) -> Answer:
        """Return what the events of a stream make together."""


def bearer(key: str) -> dict[str, str]:
    """Return the header of a key; none for no key."""
    return {"authorization": f"Bearer {key}"} if key else {}


def number(value: object) -> int | None:
    """Return a whole number that is none but that; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def usage_of(value: object, prompt: str, answer: str) -> Usage | None:
    """Return usage by the names that a dialect has for its members."""
    if not isinstance(value, dict):
        return None
    return Usage(number(value.get(prompt)), number(value.get(answer)), number(value.get("total_tokens")))


def text_of(value: object) -> str:
    """Return text, or nothing for what is none."""
    return value if isinstance(value, str) else ""


def dict_of(value: object) -> dict[str, Any]:
    """Return an object, or an empty one for what is none."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """Return a list, or an empty one for what is none."""
    return value if isinstance(value, list) else []
