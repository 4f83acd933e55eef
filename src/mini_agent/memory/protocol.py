"""The port of memory services."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from mini_agent.memory.values import Lookup, Memory
from mini_agent.net.sessions import Sessions
from mini_agent.settings.schema import ContextRetrieval


class Retriever(Protocol):
    """Finds what a memory service knows."""

    async def search(self, lookup: Lookup) -> Sequence[Memory]:
        """Ask once. The caller limits the time.

        Returns: the results, best first.
        Raises: RetrievalFailed.
        """


#: Makes a retriever from its section of the file and the HTTP clients of users.
RetrieverFactory = Callable[[ContextRetrieval, Sessions], Retriever]
