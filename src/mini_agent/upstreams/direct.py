"""The fast path: providers that speak one of the three dialects, over one pooled HTTP client (GATEWAY 7.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial

from yarl import URL

from mini_agent.core.chat import ProviderRequest
from mini_agent.core.errors import ProviderNotConfigured
from mini_agent.dialects import Dialect
from mini_agent.memory.headers import provider_headers
from mini_agent.upstreams.model_call import ModelCall, provider_facts
from mini_agent.upstreams.model_http import HttpClient, ModelHttp
from mini_agent.upstreams.wires import WIRES, Wire


@dataclass(frozen=True, slots=True)
class Kind:
    """How providers of a dialect are asked. client: the key of the client. path: behind `/v1`.

    key_header: what carries the provider's key, written behind `scheme`. headers: of every request.
    """

    client: str
    path: str
    key_header: str = "authorization"
    scheme: str = "Bearer "
    headers: Mapping[str, str] = field(default_factory=dict)


#: How providers of each dialect are asked.
DIRECT: Mapping[Dialect, Kind] = {
    Dialect.CHAT: Kind("openai_http", "/chat/completions"),
    Dialect.MESSAGES: Kind("anthropic_http", "/messages", "x-api-key", "", {"anthropic-version": "2023-06-01"}),
    Dialect.RESPONSES: Kind("openai_responses", "/responses"),
}


def direct_client(dialect: Dialect, http: ModelHttp) -> HttpClient:
    """Returns: what asks providers of a dialect in their own words."""
    return HttpClient(DIRECT[dialect].client, http, partial(direct_call, dialect=dialect, wire=WIRES[dialect]))


def direct_call(request: ProviderRequest, _stream: bool, *, dialect: Dialect, wire: Wire, path: str = "") -> ModelCall:
    """Write a request to a provider. wire, path: of the endpoint, where it is not that of the dialect's answers.

    Raises: ProviderNotConfigured without an address.
    """
    target = request.target
    if not target.api_base:
        raise ProviderNotConfigured(f"Model '{target.model[:200]}' has no api_base")
    url, headers = endpoint(target.api_base, dialect, path), direct_headers(request, DIRECT[dialect])
    return ModelCall.of(request, url, headers, provider_facts, wire)


def direct_headers(request: ProviderRequest, kind: Kind) -> dict[str, str]:
    """Returns: the headers of a request to a provider of a kind."""
    key = request.target.api_key
    headers = {"content-type": "application/json", **kind.headers}
    if key:
        headers[kind.key_header] = f"{kind.scheme}{key}"
    return headers | provider_headers(request)


@lru_cache(maxsize=256)
def endpoint(api_base: str, dialect: Dialect, path: str = "") -> URL:
    """Find the address of a provider.

    api_base: for Anthropic's dialect with or without `/v1`, as its clients take it. path: behind that, where it is not
    that of the dialect's answers.

    Returns: the address.
    """
    if dialect is Dialect.MESSAGES and not api_base.endswith("/v1"):
        api_base = f"{api_base}/v1"
    return URL(f"{api_base}{path or DIRECT[dialect].path}")
