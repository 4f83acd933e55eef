"""Where answers are kept: the port, and the store in this process's memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mini_agent.core.ports import Clock
from mini_agent.settings import Settings
from mini_agent.stored.record import Kind, Record


class Store(Protocol):
    """Keeps answers, each for one user. Whoever asks as somebody else finds nothing."""

    async def put(self, user: str, kind: Kind, record: Record) -> bool:
        """Keep an answer, in the place of one with the same id. Returns: whether it was small enough."""

    async def get(self, user: str, kind: Kind, record_id: str) -> Record | None:
        """Returns: an answer, which counts as used; None where this user has none."""

    async def delete(self, user: str, kind: Kind, record_id: str) -> bool:
        """Forget an answer. Returns: whether there was one."""

    async def all(self, user: str, kind: Kind) -> Sequence[Record]:
        """Returns: the answers of a user, the oldest first."""


StoreFactory = Callable[[Settings, Clock], Store]


def open_memory_store(settings: Settings, clock: Clock) -> Store:
    """Returns: a store in memory, within the bounds of the settings."""
    return MemoryStore(Bounds.of(settings), clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is kept: answers and their bytes, of all users and of each. ttl_s: seconds since the last use."""

    entries: int
    size: int
    user_entries: int
    user_size: int
    ttl_s: float

    @classmethod
    def of(cls, settings: Settings) -> Bounds:
        """Returns: the bounds that an operator has set."""
        return cls(
            entries=settings.stored_entries,
            size=settings.stored_bytes,
            user_entries=settings.stored_user_entries,
            user_size=settings.stored_user_bytes,
            ttl_s=settings.stored_ttl_s,
        )


_Key = tuple[str, Kind, str]


class MemoryStore:
    """Keeps answers until the process ends. The longest unused one goes first: of its own user, then of all."""

    def __init__(self, bounds: Bounds, clock: Clock) -> None:
        self._bounds = bounds
        self._clock = clock
        #: In the order of their last use, which is the order in which they expire, too.
        self._held: OrderedDict[_Key, tuple[float, Record]] = OrderedDict()
        self._of_user: dict[str, OrderedDict[_Key, None]] = {}
        self._user_size: dict[str, int] = {}
        self._size = 0

    async def put(self, user: str, kind: Kind, record: Record) -> bool:
        """Keep an answer; as the protocol says."""
        key, bounds = (user, kind, record.id), self._bounds
        self._expire()
        self._drop(key)
        if record.size > min(bounds.user_size, bounds.size) or min(bounds.entries, bounds.user_entries) < 1:
            return False
        own = self._of_user.get(user, ())
        while own and (len(own) >= bounds.user_entries or self._user_size[user] + record.size > bounds.user_size):
            self._drop(next(iter(own)))
            own = self._of_user.get(user, ())
        while self._held and (len(self._held) >= bounds.entries or self._size + record.size > bounds.size):
            self._drop(next(iter(self._held)))
        self._held[key] = self._clock.monotonic(), record
        self._of_user.setdefault(user, OrderedDict())[key] = None
        self._user_size[user] = self._user_size.get(user, 0) + record.size
        self._size += record.size
        return True

    async def get(self, user: str, kind: Kind, record_id: str) -> Record | None:
        """Find an answer; as the protocol says."""
        self._expire()
        key = (user, kind, record_id)
        held = self._held.get(key)
        if held is None:
            return None
        self._held[key] = self._clock.monotonic(), held[1]
        self._held.move_to_end(key)
        self._of_user[user].move_to_end(key)
        return held[1]

    async def delete(self, user: str, kind: Kind, record_id: str) -> bool:
        """Forget an answer; as the protocol says."""
        self._expire()
        return self._drop((user, kind, record_id))

    async def all(self, user: str, kind: Kind) -> Sequence[Record]:
        """List answers; as the protocol says."""
        self._expire()
        keys = [key for key in self._of_user.get(user, ()) if key[1] is kind]
        return sorted((self._held[key][1] for key in keys), key=lambda record: record.created)

    def _expire(self) -> None:
        oldest = self._clock.monotonic() - self._bounds.ttl_s
        while self._held and next(iter(self._held.values()))[0] <= oldest:
            self._drop(next(iter(self._held)))

    def _drop(self, key: _Key) -> bool:
        held = self._held.pop(key, None)
        if held is None:
            return False
        user, size = key[0], held[1].size
        own = self._of_user[user]
        del own[key]
        self._size -= size
        self._user_size[user] -= size
        if not own:
            del self._of_user[user], self._user_size[user]
        return True
