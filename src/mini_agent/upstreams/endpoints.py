"""What a model can be asked besides an answer in a conversation: vectors, the rest of a text, a count of tokens."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from mini_agent.core.chat import ModelTarget, ProviderRequest
from mini_agent.core.errors import ProviderNotConfigured, UnsupportedParameter
from mini_agent.dialects import Dialect
from mini_agent.settings import Settings
from mini_agent.upstreams.clients import ClientDependencies
from mini_agent.upstreams.direct import DIRECT, direct_headers, endpoint
from mini_agent.upstreams.forward.client import forward_call
from mini_agent.upstreams.forward.errors import error_of_proxy, error_of_proxy_event
from mini_agent.upstreams.litellm.clients import SdkClients
from mini_agent.upstreams.litellm.embeddings import SdkEmbeddings
from mini_agent.upstreams.litellm.sdk import LiteLLMClient
from mini_agent.upstreams.model_call import ModelCall, provider_facts
from mini_agent.upstreams.model_http import ModelHttp
from mini_agent.upstreams.protocol import Batch, Capabilities, ModelClient
from mini_agent.upstreams.scripted_endpoints import ScriptedEmbeddings, ScriptedTexts
from mini_agent.upstreams.wires import ANTHROPIC_COUNT, EMBEDDINGS, OPENAI, RESPONSES_COUNT, Wire


class Endpoint(StrEnum):
    """An endpoint, by its path behind `/v1/`."""

    EMBEDDINGS = "embeddings"
    COMPLETIONS = "completions"
    COUNT = "messages/count_tokens"
    INPUT_TOKENS = "responses/input_tokens"


@dataclass(frozen=True, slots=True)
class _Spoken:
    """How an endpoint is asked over HTTP. wire: what servers answer. dialects: of the providers that have it.

    title: what people call it.
    """

    wire: Wire
    dialects: frozenset[Dialect]
    title: str


_OPENAI = frozenset({Dialect.CHAT, Dialect.RESPONSES})
_SPOKEN: Mapping[Endpoint, _Spoken] = {
    Endpoint.EMBEDDINGS: _Spoken(EMBEDDINGS, _OPENAI, "embeddings"),
    Endpoint.COMPLETIONS: _Spoken(OPENAI, _OPENAI, "completions"),
    Endpoint.COUNT: _Spoken(ANTHROPIC_COUNT, frozenset({Dialect.MESSAGES}), "counts of tokens"),
    Endpoint.INPUT_TOKENS: _Spoken(RESPONSES_COUNT, frozenset({Dialect.RESPONSES}), "counts of tokens"),
}
_DIRECT = frozenset(kind.client for kind in DIRECT.values())


class EndpointClients:
    """Finds who asks a model's endpoint. echo: who answers in shim mode `echo`."""

    def __init__(self, settings: Settings, needs: ClientDependencies) -> None:
        self._settings = settings
        self._needs = needs
        self._others: Mapping[tuple[str, Endpoint], ModelClient] = {
            ("litellm_sdk", Endpoint.EMBEDDINGS): SdkEmbeddings(self._sdk("aembedding")),
            ("litellm_sdk", Endpoint.COMPLETIONS): self._sdk("atext_completion"),
            ("scripted", Endpoint.EMBEDDINGS): ScriptedEmbeddings(),
            ("scripted", Endpoint.COMPLETIONS): ScriptedTexts(needs.clock, needs.ids),
        }
        self._http = {(name, kind): self._direct(name, kind) for name in _DIRECT for kind in Endpoint}
        self._forward = {kind: self._external(kind) for kind in Endpoint}
        self.echo: Mapping[Endpoint, ModelClient] = {
            Endpoint.EMBEDDINGS: ScriptedEmbeddings(),
            Endpoint.COMPLETIONS: ScriptedTexts(needs.clock, needs.ids, reply=lambda _: settings.shim_reply),
        }

    def find(self, target: ModelTarget, kind: Endpoint) -> ModelClient | None:
        """Returns: who asks a target's endpoint, None where its provider has none."""
        if target.client == "forward":
            return self._forward[kind]
        if target.client in _DIRECT:
            return self._http[target.client, kind] if Dialect(target.dialect) in _SPOKEN[kind].dialects else None
        return self._others.get((target.client, kind))

    def of(self, target: ModelTarget, kind: Endpoint) -> ModelClient:
        """Returns: who asks a target's endpoint. Raises: UnsupportedParameter where its provider has none."""
        client = self.find(target, kind)
        if client is None:
            text = f"The provider of model '{target.model[:200]}' has no {_SPOKEN[kind].title}"
            raise UnsupportedParameter(text, param="model")
        return client

    def _sdk(self, function: str) -> LiteLLMClient:
        clients = SdkClients(self._needs.sessions, self._settings.max_answer_bytes)
        drop = self._settings.drop_params
        return LiteLLMClient(self._needs.clock, drop_params=drop, clients=clients, function=function)

    def _direct(self, name: str, kind: Endpoint) -> ModelClient:
        http = ModelHttp(self._needs.connections, self._needs.clock, _SPOKEN[kind].wire)
        return _HttpClient(name, http, lambda request: _direct_call(request, kind))

    def _external(self, kind: Endpoint) -> ModelClient:
        wire = replace(_SPOKEN[kind].wire, of_status=error_of_proxy, of_event=error_of_proxy_event)
        http = ModelHttp(self._needs.connections, self._needs.clock, wire)
        return _HttpClient("forward", http, lambda request: forward_call(self._settings, request, f"/v1/{kind}"))


class _HttpClient:
    """Asks over HTTP. call: writes a request down."""

    capabilities = Capabilities()

    def __init__(self, name: str, http: ModelHttp, call: Callable[[ProviderRequest], ModelCall]) -> None:
        self.name = name
        self._http = http
        self._call = call

    async def complete(self, request: ProviderRequest) -> bytes:
        """Ask once. Returns: the provider's bytes. Raises: GatewayError."""
        return await self._http.complete(self._call(request))

    def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Ask for a stream. Returns: the provider's events as they arrive. Raises: GatewayError."""
        return self._http.stream(self._call(request))

    async def aclose(self) -> None:
        """Nothing to free: the connections belong to the app."""


def _direct_call(request: ProviderRequest, kind: Endpoint) -> ModelCall:
    target = request.target
    if not target.api_base:
        raise ProviderNotConfigured(f"Model '{target.model[:200]}' has no api_base")
    dialect = Dialect(target.dialect)
    url = endpoint(target.api_base, dialect, f"/{kind}")
    return ModelCall.of(request, url, direct_headers(request, DIRECT[dialect]), provider_facts)
