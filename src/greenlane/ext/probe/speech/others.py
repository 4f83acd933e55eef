"""Dialects in which no conversation is held: where they are, and the key that they take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from greenlane.ext.probe.speech.protocol import bearer
from greenlane.ext.probe.values import Answer, Event, Question


class Silent:
    """A dialect of which a check writes and reads the bodies itself."""

    def __init__(self, path: str) -> None:
        self.path = path

    def headers(self, key: str) -> dict[str, str]:
        """Return the key."""
        return bearer(key)

    def body(self, question: Question, model: str, *, stream: bool) -> dict[str, Any]:
        """Not spoken."""
        raise NotImplementedError(f"{self.path} holds no conversation")

    def answer(self, body: dict[str, Any]) -> Answer:
        """Not spoken."""
        raise NotImplementedError(f"{self.path} holds no conversation")

    def joined(self, events: Sequence[Event]) -> Answer:
        """Not spoken."""
        raise NotImplementedError(f"{self.path} holds no conversation")
