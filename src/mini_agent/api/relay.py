"""`/v1/*` in forward mode: what the gateway does not own goes to the external process, after authentication."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp

from mini_agent.core.chat import Caller, ProviderRequest
from mini_agent.core.errors import GatewayError, InvalidParameter
from mini_agent.edge.body import check_json, has_body, media_type
from mini_agent.edge.disconnect import CancelOnDisconnect
from mini_agent.edge.errors import route_not_found
from mini_agent.edge.exchange import EXCHANGE, Exchange, Receive, Scope, Send
from mini_agent.memory.headers import provider_headers
from mini_agent.net.connections import Connections
from mini_agent.pipeline.caller import next_hop
from mini_agent.pipeline.overrides import cleaned_body
from mini_agent.pipeline.services import ModelServices
from mini_agent.upstreams.forward.headers import answer_headers
from mini_agent.upstreams.forward.relay import Relay, RelayCall
from mini_agent.upstreams.forward.routes import is_relayed, takes

#: What the log and the metrics call these routes.
RELAYED = "/v1/{path}"
_PREFIX = "/v1/"


class RelayRoute:
    """Authentication, type, size, overrides, external process: in this order."""

    def __init__(self, services: ModelServices, relay: Relay) -> None:
        self._services = services
        self._relay = relay
        self._opened = services.settings.relay_routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on. Raises: GatewayError before anything was sent; ClientDisconnected."""
        path = self._path(scope)
        exchange: Exchange = scope[EXCHANGE]
        exchange.route = RELAYED
        self._services.guard.check(exchange.headers)
        hop = next_hop(exchange.headers)
        if has_body(exchange.headers) and not takes(path.removeprefix(_PREFIX), media_type(exchange.headers)):
            check_json(exchange.headers)
        raw = await self._services.reader.read(receive, exchange.headers)
        call = self._call(scope, path, raw, self._services.callers.of(exchange, hop))
        try:
            async with CancelOnDisconnect(scope, receive):
                await self._pass(call, send)
        except GatewayError as error:
            self._services.metrics.provider_error("forward", exchange.model or "unlisted", error.code)
            raise
        await send({"type": "http.response.body", "body": b""})

    def _call(self, scope: Scope, path: str, raw: bytes, caller: Caller) -> RelayCall:
        exchange: Exchange = scope[EXCHANGE]
        if raw and b"content-encoding" in exchange.headers:
            raise InvalidParameter("An encoded body cannot be relayed", param="content-encoding")
        content_type = exchange.headers.get(b"content-type", b"").decode("latin-1")
        body, model = cleaned_body(raw, content_type, self._services.registry.external_name)
        target = self._services.registry.external_target(model or "")
        exchange.model = target.group
        headers = provider_headers(ProviderRequest(target=target, body={}, caller=caller))
        return RelayCall(
            method=scope["method"],
            path=path,
            query=scope.get("query_string", b"").decode("latin-1"),
            headers={**headers, "content-type": content_type} if content_type else headers,
            body=body,
            user_id=caller.user_id,
        )

    def _path(self, scope: Scope) -> str:
        """Returns: the path as on the wire. Raises: RouteNotFound for one that is neither inference nor opened."""
        path: str = scope["path"]
        raw: str = scope.get("raw_path", path.encode()).decode("ascii", "replace")
        if not raw.startswith(_PREFIX) or not is_relayed(raw.removeprefix(_PREFIX), self._opened):
            raise route_not_found(path)
        return raw

    async def _pass(self, call: RelayCall, send: Send) -> None:
        async with self._relay.opened(call) as answer:
            # Until here a failure is an ordinary error; from here on only a closed connection can tell of one.
            data = await self._relay.read(answer)
            headers = [*answer_headers(answer.headers), *_body_headers(answer.headers)]
            headers.append((b"x-mini-agent-provider", b"forward"))
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            while data:
                await send({"type": "http.response.body", "body": data, "more_body": True})
                data = await self._relay.read(answer)


def _body_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Returns: type and length of the body; the length only if the body was not decoded on its way."""
    names = ["content-type"] if "content-encoding" in headers else ["content-type", "content-length"]
    return [(name.encode(), headers[name].encode("utf-8", "surrogateescape")) for name in names if name in headers]


def unowned(services: ModelServices, connections: Connections) -> ASGIApp:
    """Returns: what answers for paths without a route: the relay in forward mode, a 404 otherwise."""
    settings = services.settings
    if settings.provider_mode != "forward":
        return _not_found
    if settings.memory_routing and not settings.general.forward_client_headers_to_llm_api:
        # The user's header reaches the provider only if the external process is configured to pass headers on.
        services.log.warning(
            "the external LiteLLM process drops x-sm-user-id: set general_settings.forward_client_headers_to_llm_api"
        )
    return RelayRoute(services, Relay(settings, connections, services.clock))


async def _not_found(scope: Scope, _receive: Receive, _send: Send) -> None:
    raise route_not_found(scope["path"])
