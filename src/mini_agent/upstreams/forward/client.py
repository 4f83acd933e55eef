"""Forward mode: an external LiteLLM process answers for the groups (GATEWAY 7.4)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Coroutine, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from yarl import URL

from mini_agent.core.chat import ProviderRequest
from mini_agent.core.ports import Clock
from mini_agent.memory.headers import provider_headers
from mini_agent.net.connections import Connections
from mini_agent.settings import Settings
from mini_agent.upstreams.direct import DIRECT
from mini_agent.upstreams.forward.errors import error_of_proxy, error_of_proxy_event
from mini_agent.upstreams.forward.headers import answer_headers, kept_query
from mini_agent.upstreams.model_call import ModelCall
from mini_agent.upstreams.model_http import ModelHttp
from mini_agent.upstreams.protocol import Batch, Capabilities
from mini_agent.upstreams.wires import WIRES

#: What the process says in each dialect: whatever it is asked in, it tells of failures in its own words.
_WIRES = {
    dialect: replace(wire, of_status=error_of_proxy, of_event=error_of_proxy_event) for dialect, wire in WIRES.items()
}
#: By the name of a target's dialect.
_PATHS = {str(dialect): f"/v1{kind.path}" for dialect, kind in DIRECT.items()}
#: LiteLLM retries twice unless told otherwise, whatever went wrong. Retries are ours, by one rule in both modes.
_RETRIES = "x-litellm-num-retries"


class ForwardClient:
    """Posts to the external process under the group's name. connections: of the app."""

    name = "forward"
    capabilities = Capabilities()

    def __init__(self, settings: Settings, connections: Connections, clock: Clock) -> None:
        self._settings = settings
        self._http = {str(dialect): ModelHttp(connections, clock, wire) for dialect, wire in _WIRES.items()}

    def complete(self, request: ProviderRequest) -> Coroutine[Any, Any, bytes]:
        """Ask once. Returns: what gives the process's bytes. Raises: GatewayError."""
        return self._http[request.target.dialect].complete(self._call(request))

    def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Ask for a stream. Returns: the process's events as they arrive. Raises: GatewayError."""
        return self._http[request.target.dialect].stream(self._call(request))

    async def aclose(self) -> None:
        """Nothing to free: the connections belong to the app."""

    def _call(self, request: ProviderRequest) -> ModelCall:
        return forward_call(self._settings, request, _PATHS[request.target.dialect])


def forward_call(settings: Settings, request: ProviderRequest, path: str) -> ModelCall:
    """Write a request to the process. path: as on the wire, from `/v1`. Raises: InvalidParameter."""
    # LiteLLM lets `model` of a query count before that of the body, which was looked up in the list.
    url = external_address(settings, path, kept_query(request.query, said_elsewhere=("model",)))
    headers = {**provider_headers(request), "content-type": "application/json", _RETRIES: "0"}
    return ModelCall.of(request, url, with_key(headers, settings.forward_key), answer_headers)


def external_address(settings: Settings, path: str, query: str) -> URL:
    """Returns: the address of a path at the external process. path: as on the wire, from `/v1`; query: without `?`."""
    return _address(settings.forward_url, f"{path}?{query}") if query else _usual_address(settings.forward_url, path)


def _address(base: str, path: str) -> URL:
    return URL(f"{base.removesuffix('/v1')}{path}", encoded=True)


@lru_cache(maxsize=256)
def _usual_address(base: str, path: str) -> URL:
    """Returns: an address without a query: there are few of these."""
    return _address(base, path)


def with_key(headers: Mapping[str, str], key: str | None) -> dict[str, str]:
    """Returns: the headers with the key of the external process, if it has one. A client's own never came this far."""
    return {**headers, "authorization": f"Bearer {key}"} if key else dict(headers)
