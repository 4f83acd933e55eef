"""Kept answers in the pipeline: what a request continues, and what is kept of its answer (GATEWAY 15)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import msgspec

from mini_agent.core.chat import DONE, ProviderRequest
from mini_agent.core.errors import InvalidParameter, NotStored, PreviousNotStored, UnsupportedParameter
from mini_agent.dialects import Dialect
from mini_agent.dialects.compaction import opened
from mini_agent.dialects.editing import without_seals
from mini_agent.dialects.reading import kind_error
from mini_agent.pipeline.background import Detached, check_background
from mini_agent.pipeline.flow import Flow
from mini_agent.pipeline.keeper import Keeper
from mini_agent.pipeline.services import ModelServices
from mini_agent.stored.chunks import CompletionBuilder
from mini_agent.stored.conversation import chain_of, said_in
from mini_agent.stored.record import LONGEST_ID, Kind
from mini_agent.stored.store import Store
from mini_agent.upstreams.protocol import Around, Batch, ModelClient, decode_answer

_PREVIOUS = "previous_response_id"
_CONVERSATION = "conversation"
#: Newest responses of a user that are looked through for an item that a request refers to.
_SEARCHED = 100


class Continue:
    """Put what a kept response knows in front of a request of Responses, so that any provider can go on from there.

    A provider's own ids are those of all users together: none of them reaches it from here.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def __call__(self, flow: Flow) -> None:
        """Fill the input up. Raises: PreviousNotStored, NotStored, InvalidParameter, UnsupportedParameter."""
        body, user = flow.request.body, flow.request.caller.user_id or ""
        said, previous = _said(flow), body.get(_PREVIOUS)
        if previous is not None and not isinstance(previous, str):
            raise kind_error(_PREVIOUS, (str,))
        if body.get(_CONVERSATION) is not None and _CONVERSATION not in flow.target.allowed:
            raise UnsupportedParameter(f"'{_CONVERSATION}' is not supported: use '{_PREVIOUS}'", param=_CONVERSATION)
        resolved = await self._resolved(said, user)
        # What is kept must not hold a reference: in a later turn nobody would look whose it is.
        flow.body = {**flow.body, "input": resolved} if resolved is not said else flow.body
        items = opened(resolved)
        if previous:
            items = [*opened(await self._earlier(user, previous)), *items]
        elif items == said:
            return
        changed = {name: value for name, value in body.items() if name != _PREVIOUS} | {"input": items}
        if flow.target.dialect == Dialect.RESPONSES:
            changed = without_seals(changed)
        flow.request = replace(flow.request, body=changed)

    async def _earlier(self, user: str, previous: str) -> list[dict[str, Any]]:
        chain = await chain_of(self._store, user, previous) if len(previous) <= LONGEST_ID else None
        if chain is None:
            text = f"Previous response with id '{previous[:100]}' not found: it, or what it continues, is not kept"
            raise PreviousNotStored(text, param=_PREVIOUS)
        return said_in(chain)

    async def _resolved(self, items: list[dict[str, Any]], user: str) -> list[dict[str, Any]]:
        """Returns: the items, those referred to in the place of their references.

        Raises: NotStored; InvalidParameter for a reference without an id, or a second one to the same item.
        """
        references = [_referred(item) for item in items if _refers(item)]
        wanted = set(references)
        if not wanted:
            return items
        if len(wanted) < len(references):
            # A reference is short and its item may be long: many to one would make gigabytes of a small request.
            raise InvalidParameter("An item is referred to more than once", param="input")
        found: dict[str, dict[str, Any]] = {}
        for record in (await self._store.all(user, Kind.RESPONSE))[-_SEARCHED:]:
            named = [item for item in said_in([record]) if isinstance(item.get("id"), str)]
            found |= {item["id"]: item for item in named if item["id"] in wanted}
        if missing := wanted - found.keys():
            raise NotStored(f"Item with id '{min(missing)[:100]}' not found", param="input")
        return [found[item["id"]] if _refers(item) else item for item in items]


class Keep:
    """Put around the client what keeps its answer, where the request asks for that."""

    def __init__(self, services: ModelServices) -> None:
        self._services = services

    async def __call__(self, flow: Flow) -> None:
        """Responses are kept unless `store` is false, chats where it is true."""
        asked = flow.request.body.get("store")
        if flow.dialect is Dialect.CHAT:
            if asked is True:
                keeper = self._keeper(flow, flow.body["messages"])
                flow.client = _KeepingChat(flow.client, keeper, self._services.settings.stored_user_bytes)
        elif check_background(flow):
            flow.client = Detached(flow, self._services, self._keeper(flow, _said(flow)))
        elif asked is not False or flow.body.get(_PREVIOUS):
            flow.client = _KeepingResponse(flow.client, self._keeper(flow, _said(flow)), kept=asked is not False)

    def _keeper(self, flow: Flow, said: Sequence[Any]) -> Keeper:
        metadata = flow.request.body.get("metadata")
        return Keeper(
            self._services.store,
            self._services.clock,
            user=flow.request.caller.user_id or "",
            model=flow.target.model,
            said=msgspec.json.encode(said),
            previous=flow.body.get(_PREVIOUS) or None,
            metadata=metadata if isinstance(metadata, dict) else {},
        )


def _refers(item: Mapping[str, Any]) -> bool:
    """Returns: whether an item is only the id of another; the protocol lets such a one leave its type out."""
    kind = item.get("type")
    return kind == "item_reference" or (kind is None and "id" in item and not isinstance(item.get("role"), str))


def _referred(item: Mapping[str, Any]) -> str:
    """Returns: the id of what an item refers to. Raises: InvalidParameter."""
    name = item.get("id")
    if not isinstance(name, str):
        raise InvalidParameter("Invalid type for the 'id' of an item_reference: expected string", param="input")
    return name


def _said(flow: Flow) -> list[Any]:
    """Returns: the caller's own items, without what is added to them on the way."""
    given = flow.body.get("input")
    if isinstance(given, str):
        return [{"role": "user", "content": given}] if given else []
    return list(given or ())


class _KeepingResponse(Around):
    """Keeps a response before its caller has it, and tells in it what it continues. kept: whether it is kept at all."""

    def __init__(self, inner: ModelClient, keeper: Keeper, *, kept: bool) -> None:
        super().__init__(inner)
        self._keeper = keeper
        self._kept = kept

    async def complete(self, request: ProviderRequest) -> bytes:
        """Ask once. Returns: the response. Raises: GatewayError."""
        raw = await self._inner.complete(request)
        response = decode_answer(raw)
        if self._keeper.previous is not None:
            raw = msgspec.json.encode(self._linked(response))
        if self._kept:
            await self._keeper.keep(Kind.RESPONSE, response, raw)
        return raw

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Ask for a stream. Returns: its events. Raises: GatewayError."""
        async with aclosing(self._inner.stream(request)) as batches:
            async for batch in batches:
                yield [await self._seen(payload) for payload in batch]

    async def _seen(self, payload: bytes) -> bytes:
        if b'"response"' not in payload:
            return payload
        event = decode_answer(payload)
        response = event.get("response")
        if not isinstance(response, dict):
            return payload
        if self._keeper.previous is not None:
            self._linked(response)
            payload = msgspec.json.encode(event)
        if self._kept and event.get("type") in ("response.completed", "response.incomplete"):
            await self._keeper.keep(Kind.RESPONSE, response, msgspec.json.encode(response))
        return payload

    def _linked(self, response: dict[str, Any]) -> dict[str, Any]:
        response[_PREVIOUS] = self._keeper.previous
        return response


class _KeepingChat(Around):
    """Keeps a completion before its caller has it. limit: bytes of a stream that can be kept."""

    def __init__(self, inner: ModelClient, keeper: Keeper, limit: int) -> None:
        super().__init__(inner)
        self._keeper = keeper
        self._limit = limit

    async def complete(self, request: ProviderRequest) -> bytes:
        """Ask once. Returns: the completion. Raises: GatewayError."""
        raw = await self._inner.complete(request)
        await self._keeper.keep(Kind.CHAT, decode_answer(raw), raw)
        return raw

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Ask for a stream. Returns: its chunks. Raises: GatewayError."""
        builder, done = CompletionBuilder(self._limit), False
        async with aclosing(self._inner.stream(request)) as batches:
            async for batch in batches:
                for payload in batch:
                    if payload != DONE:
                        builder.feed(payload)
                if done := batch[-1] == DONE:
                    await self._keep(builder)
                yield batch
        if not done:
            await self._keep(builder)

    async def _keep(self, builder: CompletionBuilder) -> None:
        if (built := builder.built()) is not None:
            await self._keeper.keep(Kind.CHAT, built, msgspec.json.encode(built))
