"""The memory of one request: whether to ask, what, and what to do with the answer or without one (GATEWAY 8.4)."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from mini_agent.core.chat import Caller, ModelTarget
from mini_agent.core.ports import Clock
from mini_agent.dialects import Dialect
from mini_agent.memory.breaker import Breaker
from mini_agent.memory.container import container_of
from mini_agent.memory.context import format_context
from mini_agent.memory.messages import accepts_cache_control, has_place, inject, inject_into, query_of
from mini_agent.memory.protocol import Retriever, RetrieverFactory
from mini_agent.memory.values import Lookup, Memory, RetrievalFailed
from mini_agent.net.sessions import Sessions
from mini_agent.settings import Settings
from mini_agent.settings.schema import ContextRetrieval


class Injection:
    """Retrieved memory on its way into a conversation. strategy, cache_control: as for `inject`."""

    def __init__(self, context: str, strategy: str, *, cache_control: bool) -> None:
        self._context = context
        self._strategy = strategy
        self._cache_control = cache_control

    def __call__(self, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Returns: messages of chat with the memory in them, as a new list."""
        return inject(messages, self._context, self._strategy, cache_control=self._cache_control)

    def into(self, body: Mapping[str, Any], dialect: Dialect) -> dict[str, Any]:
        """Returns: a body of any dialect with the memory in it, as a new one."""
        return inject_into(body, dialect, self._context, self._strategy, cache_control=self._cache_control)


_CACHED = 1024


class Recall:
    """Asks the memory service for requests that want it. No failure of it is a failure of the request."""

    def __init__(self, options: ContextRetrieval, retriever: Retriever, clock: Clock, log: logging.Logger) -> None:
        self._options = options
        self._retriever = retriever
        self._log = log
        self._breaker = Breaker(clock)
        self._cache = _Cache(clock, options.cache_ttl_seconds)

    async def injection(
        self, caller: Caller, target: ModelTarget, messages: Sequence[dict[str, Any]]
    ) -> Injection | None:
        """Retrieve for one request or one agent run.

        messages: of chat, or what was said in another dialect, with `role` and `content`.
        target: whose `model` the lists of the section name.
        Returns: what puts the memory into messages, None when there is nothing to put in; then the log says why.
        """
        if caller.user_id is None or not self._wanted(target.model):
            return None
        try:
            context = await self._context(caller.user_id, messages)
        except RetrievalFailed as failure:
            facts = {"request_id": caller.request_id, "reason": failure.reason}
            self._log.warning("no memory was added to the request", extra={"facts": facts})
            return None
        if context is None:
            return None
        return Injection(context, self._options.injection_strategy, cache_control=accepts_cache_control(target))

    async def _context(self, user_id: str, messages: Sequence[dict[str, Any]]) -> str | None:
        """Returns: the text to add, None when there is nothing to ask. Raises: RetrievalFailed when there is none."""
        options = self._options
        query = query_of(messages, options.query_strategy)
        if query is None or not has_place(messages, options.injection_strategy):
            raise RetrievalFailed("no message has the role that the strategy needs")
        if not query:
            return None
        container = container_of(options.container_tag, user_id, options.container_scope)
        memories = await self._find(Lookup(user_id, container, query, options.max_results))
        context = format_context(memories, options.max_context_length)
        if context is None:
            raise RetrievalFailed("no results")
        return context

    def _wanted(self, model: str) -> bool:
        options = self._options
        if options.enabled_for_models:
            return model in options.enabled_for_models
        return model not in (options.disabled_for_models or ())

    async def _find(self, lookup: Lookup) -> Sequence[Memory]:
        """Returns: the results, from the cache where it has them. Raises: RetrievalFailed."""
        cached = self._cache.get(lookup)
        if cached is not None:
            return cached
        if not self._breaker.admits():
            raise RetrievalFailed("the memory service has failed repeatedly and is left alone")
        try:
            memories = await self._ask(lookup)
        except RetrievalFailed as failure:
            opened = ", and is left alone for a while" if self._breaker.failed() else ""
            raise RetrievalFailed(f"{failure.reason}{opened}", failure.status) from failure
        except BaseException:
            self._breaker.abandoned()  # The client went away, which says nothing about the service.
            raise
        self._breaker.succeeded()
        self._cache.put(lookup, memories)
        return memories

    async def _ask(self, lookup: Lookup) -> Sequence[Memory]:
        try:
            async with asyncio.timeout(self._options.timeout):
                return await self._retriever.search(lookup)
        except TimeoutError as error:
            raise RetrievalFailed("the memory service did not answer in time") from error
        except RetrievalFailed:
            raise
        except Exception as error:
            # Whatever a retriever of somebody else's raises: memory is an addition, and the request goes on without.
            raise RetrievalFailed(f"the retriever failed: {type(error).__name__}") from error


def open_recall(
    settings: Settings, retriever: RetrieverFactory, sessions: Sessions, clock: Clock, log: logging.Logger
) -> Recall | None:
    """Returns: what asks the memory service, None where memory is off. retriever: makes its client."""
    options = settings.config.context_retrieval
    if not (options.enabled and settings.memory_routing):
        return None
    return Recall(options, retriever(options, sessions), clock, log)


class _Cache:
    """Answers for a number of seconds; 0 keeps none."""

    def __init__(self, clock: Clock, ttl_s: float) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._entries: OrderedDict[Lookup, tuple[float, Sequence[Memory]]] = OrderedDict()

    def get(self, lookup: Lookup) -> Sequence[Memory] | None:
        """Returns: the answer to the same question of the same user, None when it is unknown or too old."""
        found = self._entries.get(lookup)
        if found is None:
            return None
        if self._clock.monotonic() - found[0] >= self._ttl_s:
            del self._entries[lookup]
            return None
        return found[1]

    def put(self, lookup: Lookup, memories: Sequence[Memory]) -> None:
        """Remember an answer; the oldest goes when there are too many."""
        if self._ttl_s <= 0:
            return
        self._entries[lookup] = (self._clock.monotonic(), memories)
        while len(self._entries) > _CACHED:
            self._entries.popitem(last=False)
