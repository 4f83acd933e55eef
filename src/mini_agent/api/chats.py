"""Kept chats: `/v1/chat/completions` to list, read, label and delete those with `store: true`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from mini_agent.api.kept import Asked, missing, page_of
from mini_agent.core.errors import InvalidParameter, MissingParameter
from mini_agent.pipeline.services import ModelServices
from mini_agent.stored.record import Kind, Record

_WHAT = "Chat completion"
_METADATA = "metadata"
#: OpenAI's bounds of metadata: pairs, characters of a key, characters of a value.
_PAIRS, _KEY, _VALUE = 16, 64, 512


class Chats:
    """Reads and changes what is kept of a user."""

    def __init__(self, services: ModelServices) -> None:
        self._store = services.store

    async def list(self, asked: Asked) -> Any:
        """Returns: a page of a user's chats, the oldest first. Raises: InvalidParameter."""
        wanted = dict(_labels(asked.query))
        model = asked.query.get("model")
        kept = {
            record.id: record
            for record in await self._store.all(asked.user, Kind.CHAT)
            if (model is None or model == record.model) and wanted.items() <= record.metadata.items()
        }
        page = page_of([{"id": name} for name in kept], asked.query, newest_first=False)
        return {**page, "data": [_shown(kept[item["id"]]) for item in page["data"]]}

    async def get(self, asked: Asked) -> Any:
        """Returns: the completion. Raises: NotStored."""
        return _shown(await self._found(asked))

    async def update(self, asked: Asked) -> Any:
        """Replace the metadata. Returns: the completion. Raises: NotStored, MissingParameter, InvalidParameter."""
        # Read first: a chat that is deleted while the body arrives stays deleted.
        body = await asked.read()
        record = await self._found(asked)
        if _METADATA not in body:
            raise MissingParameter(f"Missing required parameter: '{_METADATA}'", param=_METADATA)
        record = replace(record, metadata=_metadata(body[_METADATA]))
        await self._store.put(asked.user, Kind.CHAT, record)
        return _shown(record)

    async def delete(self, asked: Asked) -> Any:
        """Forget a chat. Returns: that it is gone. Raises: NotStored."""
        if not await self._store.delete(asked.user, Kind.CHAT, asked.name):
            raise missing(_WHAT, asked.name)
        return {"object": "chat.completion.deleted", "id": asked.name, "deleted": True}

    async def messages(self, asked: Asked) -> Any:
        """Returns: a page of what the caller said, the oldest first. Raises: NotStored, InvalidParameter."""
        turns = (await self._found(asked)).turns()
        return page_of(
            [_message(turn, asked.name, at) for at, turn in enumerate(turns)], asked.query, newest_first=False
        )

    async def _found(self, asked: Asked) -> Record:
        record = await self._store.get(asked.user, Kind.CHAT, asked.name)
        if record is None:
            raise missing(_WHAT, asked.name)
        return record


def _labels(query: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Yield the labels that a list is to have, written as `metadata[key]=value`. Raises: InvalidParameter."""
    for name, value in query.items():
        head, _, rest = name.partition("[")
        if head != _METADATA:
            continue
        key = rest.removesuffix("]")
        if not rest.endswith("]") or not key or "[" in key or "]" in key:
            raise InvalidParameter(f"Invalid '{_METADATA}': expected metadata[key]=value", param=_METADATA)
        yield key, value


def _shown(record: Record) -> dict[str, Any]:
    return {**record.body(), _METADATA: dict(record.metadata)}


def _message(turn: dict[str, Any], name: str, at: int) -> dict[str, Any]:
    content = turn.get("content")
    parts = content if isinstance(content, list) else None
    return {**turn, "id": f"{name}-{at}", "content": None if parts else content, "content_parts": parts}


def _metadata(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    whole = isinstance(value, dict) and len(value) <= _PAIRS
    if not whole or not all(
        isinstance(text, str) and len(key) <= _KEY and len(text) <= _VALUE for key, text in value.items()
    ):
        text = f"up to {_PAIRS} texts of at most {_VALUE} characters, with keys of at most {_KEY}"
        raise InvalidParameter(f"Invalid '{_METADATA}': expected {text}", param=_METADATA)
    return dict(value)
