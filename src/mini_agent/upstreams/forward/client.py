"""Forward mode: an external LiteLLM process answers for the groups (GATEWAY 7.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial

from yarl import URL

from mini_agent.core.chat import ProviderRequest
from mini_agent.memory.headers import provider_headers
from mini_agent.settings import Settings
from mini_agent.upstreams.direct import DIRECT
from mini_agent.upstreams.forward.errors import error_of_proxy, error_of_proxy_event
from mini_agent.upstreams.forward.headers import answer_headers, kept_query
from mini_agent.upstreams.model_call import ModelCall
from mini_agent.upstreams.model_http import HttpClient, ModelHttp
from mini_agent.upstreams.wires import WIRES, Wire

#: LiteLLM retries twice unless told otherwise, whatever went wrong. Retries are ours, by one rule in both modes.
_RETRIES = "x-litellm-num-retries"


def forward_client(settings: Settings, http: ModelHttp) -> HttpClient:
    """Returns: what asks the external process under a group's name."""
    return HttpClient("forward", http, partial(_conversation, settings=settings))


def _conversation(request: ProviderRequest, stream: bool, *, settings: Settings) -> ModelCall:
    path, wire = _SPOKEN[request.target.dialect]
    return forward_call(request, stream, settings=settings, path=path, wire=wire)


def forward_call(request: ProviderRequest, _stream: bool, *, settings: Settings, path: str, wire: Wire) -> ModelCall:
    """Write a request to the process. path: as on the wire, from `/v1`. wire: as of a provider itself.

    Raises: InvalidParameter.
    """
    # LiteLLM lets `model` of a query count before that of the body, which was looked up in the list.
    url = external_address(settings, path, kept_query(request.query, said_elsewhere=("model",)))
    headers = {**provider_headers(request), "content-type": "application/json", _RETRIES: "0"}
    return ModelCall.of(request, url, with_key(headers, settings.forward_key), answer_headers, wire)


def of_process(wire: Wire) -> Wire:
    """Returns: what the process says: whatever it is asked in, it tells of failures in its own words."""
    return replace(wire, of_status=error_of_proxy, of_event=error_of_proxy_event)


#: Path and wire, by the name of a target's dialect.
_SPOKEN = {str(dialect): (f"/v1{kind.path}", of_process(WIRES[dialect])) for dialect, kind in DIRECT.items()}


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
