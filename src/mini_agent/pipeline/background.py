"""Responses that are worked on after their caller was answered (`background: true`)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import msgspec

from mini_agent.core.chat import ProviderRequest
from mini_agent.core.errors import GatewayBusy, InvalidParameter, UnsupportedParameter
from mini_agent.dialects import Dialect
from mini_agent.dialects.errors import response_code
from mini_agent.dialects.openai_responses.answer import response_head
from mini_agent.dialects.reading import read_bool
from mini_agent.pipeline.flow import Flow
from mini_agent.pipeline.keeper import Keeper
from mini_agent.pipeline.services import ModelServices
from mini_agent.stored.record import Kind
from mini_agent.upstreams.protocol import Around, decode_answer

_NAME = "background"


def check_background(flow: Flow) -> bool:
    """Take the wish out of a request, which is ours to fulfil.

    Returns: whether it is worked on in the background. Raises: InvalidParameter, UnsupportedParameter.
    """
    asked = flow.request.body.get(_NAME)
    if asked is None or not read_bool(asked, _NAME):
        return False
    if flow.stream:
        raise UnsupportedParameter("A response in the background is not streamed: poll it by its id", param=_NAME)
    if flow.request.body.get("store") is False:
        raise InvalidParameter("A response in the background needs 'store'", param=_NAME)
    body = {name: value for name, value in flow.request.body.items() if name != _NAME}
    flow.request = replace(flow.request, body=body, on_response_headers=None)
    return True


class Detached(Around):
    """Answers at once that a response is in progress, and keeps it when it is there. flow: of the request."""

    def __init__(self, flow: Flow, services: ModelServices, keeper: Keeper) -> None:
        super().__init__(flow.client)
        self._group = flow.target.group
        self._services = services
        self._keeper = keeper

    async def complete(self, request: ProviderRequest) -> bytes:
        """Begin. Returns: the response so far. Raises: GatewayError."""
        services, keeper = self._services, self._keeper
        reply = services.clients.interpreter.own_reply(request, Dialect.RESPONSES)
        begun = response_head(reply, keeper.model, "in_progress")
        begun |= {_NAME: True, "previous_response_id": keeper.previous}
        raw, size = msgspec.json.encode(begun), len(msgspec.json.encode(request.body))
        # Asked before anything is kept, which could push out what is worked on.
        if not services.background.has_room(keeper.user, size):
            raise _busy()
        if not await keeper.keep(Kind.RESPONSE, begun, raw):
            raise UnsupportedParameter("A response in the background must be kept, and nothing is here", param=_NAME)
        if not services.background.start(keeper.user, begun["id"], size, lambda: self._work(request, begun)):
            await services.store.delete(keeper.user, Kind.RESPONSE, begun["id"])
            raise _busy()
        return raw

    async def _work(self, request: ProviderRequest, begun: dict[str, Any]) -> None:
        own = {name: begun[name] for name in ("id", _NAME, "previous_response_id")}
        try:
            response = {**decode_answer(await self._inner.complete(request)), **own}
        except asyncio.CancelledError:
            response = {**begun, "status": "cancelled"}
        except Exception as error:  # noqa: BLE001 - nobody waits for it: the kept response tells of it
            response = {**begun, "status": "failed", "error": self._failure_of(error, request)}
        if not await self._keeper.keep(Kind.RESPONSE, response, msgspec.json.encode(response)):
            large = {"code": response_code(500), "message": "The response is larger than what may be kept"}
            response = {**begun, "status": "failed", "error": large}
            await self._keeper.keep(Kind.RESPONSE, response, msgspec.json.encode(response))

    def _failure_of(self, error: Exception, request: ProviderRequest) -> dict[str, Any]:
        failure = self._services.tell("response in the background failed", error, request.caller.request_id)
        self._services.metrics.provider_error(self.name, self._group, failure.code)
        return {"code": response_code(failure.status), "message": failure.body["error"]["message"]}


def _busy() -> GatewayBusy:
    return GatewayBusy("Too many responses are worked on in the background already")
