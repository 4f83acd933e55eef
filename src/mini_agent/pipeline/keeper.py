"""What keeps the answer of one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mini_agent.core.ports import Clock
from mini_agent.stored.record import LONGEST_ID, Kind, Record
from mini_agent.stored.store import Store


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps the answer of one request. user: whose it is; the others as of a record."""

    store: Store
    clock: Clock
    user: str
    model: str
    said: bytes
    previous: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    async def keep(self, kind: Kind, answer: Mapping[str, Any], raw: bytes) -> bool:
        """Keep an answer that has an id. raw: it, as the caller gets it. Returns: whether it is kept."""
        name = answer.get("id")
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_ID:
            return False
        record = Record(
            id=name,
            created=self.clock.time(),
            model=self.model,
            said=self.said,
            answer=raw,
            previous=self.previous,
            metadata=self.metadata,
        )
        return await self.store.put(self.user, kind, record)
