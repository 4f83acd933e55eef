"""One kept answer, and what was said before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

#: Characters of an id. LiteLLM's process writes some of several hundred.
LONGEST_ID = 1000


class Kind(StrEnum):
    """What is kept. Ids of different kinds never meet."""

    RESPONSE = "response"
    CHAT = "chat.completion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One answer. Content is JSON, so that its size is known.

    id: of the answer. created: seconds since the epoch. model: as the caller named it. said: the caller's own turns,
    an array. answer: the object as the caller got it. previous: the id of the response that this one continues.
    metadata: what the caller has attached to it.
    """

    id: str
    created: float
    model: str
    said: bytes
    answer: bytes
    previous: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Returns: bytes of content."""
        return len(self.id) + len(self.said) + len(self.answer) + len(msgspec.json.encode(self.metadata))

    def turns(self) -> list[dict[str, Any]]:
        """Returns: what the caller said, decoded."""
        turns: list[dict[str, Any]] = msgspec.json.decode(self.said)
        return turns

    def body(self) -> dict[str, Any]:
        """Returns: the answer, decoded."""
        body: dict[str, Any] = msgspec.json.decode(self.answer)
        return body
