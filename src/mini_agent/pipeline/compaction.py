"""`POST /v1/responses/compact`: a conversation made shorter by its model, whatever the provider speaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from mini_agent.core.chat import ProviderRequest
from mini_agent.core.errors import InvalidProviderResponse, UnsupportedParameter
from mini_agent.dialects import CODECS, Dialect, Reply
from mini_agent.dialects.answer import Answer, Finish
from mini_agent.dialects.compaction import PROMPT, compacted, is_summary
from mini_agent.dialects.openai_responses.answer import write_usage
from mini_agent.dialects.request import Text
from mini_agent.pipeline.flow import Flow
from mini_agent.pipeline.keeper import Keeper
from mini_agent.pipeline.services import ModelServices
from mini_agent.stored.conversation import listed
from mini_agent.stored.record import Kind
from mini_agent.upstreams.protocol import Around, ModelClient
from mini_agent.upstreams.speaking import DROPPED_HEADER, dropped_names

#: What of a request counts here.
_USED = frozenset({"input", "instructions", "store", "stream"})


class Compact:
    """Put around the client what asks for a summary instead of an answer."""

    def __init__(self, services: ModelServices) -> None:
        self._services = services

    async def __call__(self, flow: Flow) -> None:
        """Wrap the client. Raises: UnsupportedParameter for a stream."""
        if flow.stream:
            raise UnsupportedParameter("A compaction is not streamed", param="stream")
        body, services = flow.request.body, self._services
        keeper = Keeper(services.store, services.clock, flow.request.caller.user_id or "", flow.target.model, b"[]")
        if unused := sorted(name for name, value in body.items() if name not in _USED and value is not None):
            flow.headers.append((DROPPED_HEADER, dropped_names(unused)))
        reply = services.clients.interpreter.own_reply(flow.request, Dialect.RESPONSES)
        flow.client = _Compacting(flow.client, reply, keeper if body.get("store") is not False else None)


class _Compacting(Around):
    """Asks `inner` for a summary. keeper: keeps the compaction, so that a response can continue it."""

    def __init__(self, inner: ModelClient, reply: Reply, keeper: Keeper | None) -> None:
        super().__init__(inner)
        self._reply = reply
        self._keeper = keeper

    async def complete(self, request: ProviderRequest) -> bytes:
        """Ask once. Returns: what stands for the conversation from now on. Raises: GatewayError."""
        given = request.body["input"]
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        body: dict[str, Any] = {"input": [*items, {"role": "user", "content": PROMPT}]}
        if request.target.dialect == Dialect.RESPONSES:
            body["store"] = False
        if request.body.get("instructions"):
            body["instructions"] = request.body["instructions"]
        raw = await self._inner.complete(replace(request, body=body))
        answer = CODECS[Dialect.RESPONSES].decode_answer(raw)
        compaction = {
            "id": f"resp_{self._reply.id}",
            "object": "response.compaction",
            "created_at": self._reply.created,
            "output": [*_own_turns(items, self._reply.id), compacted(self._reply.id, _summary(answer))],
            "usage": write_usage(answer.usage),
        }
        encoded = msgspec.json.encode(compaction)
        if self._keeper is not None:
            await self._keeper.keep(Kind.RESPONSE, compaction, encoded)
        return encoded


def _own_turns(items: Sequence[Mapping[str, Any]], name: str) -> Iterable[dict[str, Any]]:
    """Yield what the user said, which a compaction keeps."""
    for at, item in enumerate(items):
        if item.get("role") == "user" and item.get("type", "message") == "message" and not is_summary(item):
            yield listed(item, f"{name}_{at}")


def _summary(answer: Answer) -> str:
    text = "".join(part.text for part in answer.parts if isinstance(part, Text)).strip()
    if not text or answer.finish is not Finish.STOP:
        raise InvalidProviderResponse("the model gave no whole summary of the conversation")
    return text
