"""Kept responses: `/v1/responses/{response_id}`, its input items, its cancellation."""

from __future__ import annotations

from typing import Any

import msgspec

from mini_agent.api.kept import Asked, missing, page_of
from mini_agent.core.errors import InvalidParameter, UnsupportedParameter
from mini_agent.pipeline.services import ModelServices
from mini_agent.stored.conversation import chain_of, given_items
from mini_agent.stored.record import Kind, Record

_WHAT = "Response"


class Responses:
    """Reads and ends what is kept of a user."""

    def __init__(self, services: ModelServices) -> None:
        self._store = services.store
        self._background = services.background

    async def get(self, asked: Asked) -> Any:
        """Returns: the response as its caller got it. Raises: NotStored; UnsupportedParameter for a stream of it."""
        if asked.query.get("stream", "false").lower() not in ("false", "0", ""):
            raise UnsupportedParameter("A kept response is not streamed again", param="stream")
        return msgspec.Raw((await self._found(asked)).answer)

    async def delete(self, asked: Asked) -> Any:
        """Forget a response; one that is still worked on ends. Returns: that it is gone. Raises: NotStored."""
        # Also one that was pushed out of the store while it is worked on: it keeps its end.
        await self._background.cancel(asked.user, asked.name)
        if not await self._store.delete(asked.user, Kind.RESPONSE, asked.name):
            raise missing(_WHAT, asked.name)
        return {"id": asked.name, "object": "response", "deleted": True}

    async def input_items(self, asked: Asked) -> Any:
        """Returns: a page of what the response was made of, the newest first. Raises: NotStored, InvalidParameter."""
        chain = await chain_of(self._store, asked.user, asked.name)
        if chain is None:
            raise missing(_WHAT, asked.name)
        return page_of(given_items(chain), asked.query, newest_first=True)

    async def cancel(self, asked: Asked) -> Any:
        """End a response that is worked on in the background. Returns: it. Raises: NotStored, InvalidParameter."""
        await self._background.cancel(asked.user, asked.name)
        record = await self._found(asked)
        if not record.body().get("background"):
            raise InvalidParameter("Only a response in the background can be cancelled", param="response_id")
        return msgspec.Raw(record.answer)

    async def _found(self, asked: Asked) -> Record:
        record = await self._store.get(asked.user, Kind.RESPONSE, asked.name)
        if record is None:
            raise missing(_WHAT, asked.name)
        return record
