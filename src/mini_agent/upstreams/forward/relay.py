"""Any other `/v1/*` request, passed to the external LiteLLM process as it is (GATEWAY 7.4)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from mini_agent.core.errors import GatewayError, MethodNotAllowed, RouteNotFound
from mini_agent.core.ports import Clock
from mini_agent.core.text import json_or
from mini_agent.net.connections import Connections
from mini_agent.net.failures import TRANSPORT_ERRORS, error_of_transport, read_refusal
from mini_agent.settings import Settings
from mini_agent.upstreams.forward.client import external_address, with_key
from mini_agent.upstreams.forward.errors import error_of_relayed
from mini_agent.upstreams.forward.headers import kept_query

_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=30.0, sock_read=600.0)
#: What Starlette says of a path it does not have: it is the path that is unknown, not a model.
_NO_SUCH_PATH = {"detail": "Not Found"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayCall:
    """One request. path: as on the wire, from `/v1`. query: without `?`. user_id: whose cookies are used."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes
    user_id: str | None


class Relay:
    """Asks the external process. connections: of the app."""

    def __init__(self, settings: Settings, connections: Connections, clock: Clock) -> None:
        self._settings = settings
        self._connections = connections
        self._clock = clock

    @asynccontextmanager
    async def opened(self, call: RelayCall) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """Send the request. Returns: a 2xx or 304 answer whose body is unread. Raises: GatewayError for any other."""
        url = external_address(self._settings, call.path, kept_query(call.query))
        place = await self._connections.place(call.user_id, url)
        try:
            try:
                answer = await place.held.client.request(
                    call.method,
                    url,
                    data=self._connections.body(call.body) if call.body else None,
                    headers=with_key(call.headers, self._settings.forward_key),
                    skip_auto_headers=("content-type",),
                    timeout=_TIMEOUT,
                    allow_redirects=False,
                    middlewares=(),
                )
            except (*TRANSPORT_ERRORS, ValueError) as error:
                raise error_of_transport(error) from error
            try:
                if not 200 <= answer.status < 300 and answer.status != 304:
                    raise await self._refusal(call, answer)
                yield answer
            finally:
                answer.release()
        finally:
            place.release()

    async def read(self, answer: aiohttp.ClientResponse) -> bytes:
        """Returns: the next bytes of an answer as they arrived, empty at its end. Raises: GatewayError."""
        try:
            return await answer.content.readany()
        except (*TRANSPORT_ERRORS, ValueError) as error:
            raise error_of_transport(error) from error

    async def _refusal(self, call: RelayCall, answer: aiohttp.ClientResponse) -> GatewayError:
        body = await read_refusal(answer)
        if answer.status == 405:
            text = f"Method {call.method[:20]} is not allowed for '{call.path[:200]}'"
            return MethodNotAllowed(text, allow=answer.headers.get("allow", ""))
        if answer.status == 404 and json_or(body.decode("utf-8", "replace")) in (None, _NO_SUCH_PATH):
            return RouteNotFound(f"No route for path '{call.path[:200]}'")
        return error_of_relayed(answer.status, answer.headers, body, now=self._clock.time())
