"""What a model can be asked besides an answer in a conversation: vectors, the rest of a text, a count of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from mini_agent.core.chat import ModelTarget
from mini_agent.core.errors import UnsupportedParameter
from mini_agent.dialects import Dialect
from mini_agent.settings import Settings
from mini_agent.upstreams.clients import ECHO, ClientDependencies
from mini_agent.upstreams.direct import DIRECT, direct_call
from mini_agent.upstreams.forward.client import forward_call, of_process
from mini_agent.upstreams.litellm.clients import SdkClients
from mini_agent.upstreams.litellm.embeddings import SdkEmbeddings
from mini_agent.upstreams.litellm.sdk import LiteLLMClient
from mini_agent.upstreams.model_http import HttpClient, ModelHttp
from mini_agent.upstreams.protocol import ModelClient
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


class EndpointClients:
    """Finds who asks a model's endpoint. echo: who answers in shim mode `echo`."""

    def __init__(self, settings: Settings, needs: ClientDependencies) -> None:
        http, answer_bytes = ModelHttp(needs.connections, needs.clock), settings.max_answer_bytes

        def sdk(function: str) -> LiteLLMClient:
            clients = SdkClients(needs.sessions, answer_bytes)
            return LiteLLMClient(needs.clock, drop_params=settings.drop_params, clients=clients, function=function)

        self._clients: Mapping[tuple[str, Endpoint], ModelClient] = {
            ("litellm_sdk", Endpoint.EMBEDDINGS): SdkEmbeddings(sdk("aembedding")),
            ("litellm_sdk", Endpoint.COMPLETIONS): sdk("atext_completion"),
            ("scripted", Endpoint.EMBEDDINGS): ScriptedEmbeddings(),
            ("scripted", Endpoint.COMPLETIONS): ScriptedTexts(needs.clock, needs.ids),
            (ECHO, Endpoint.EMBEDDINGS): ScriptedEmbeddings(),
            (ECHO, Endpoint.COMPLETIONS): ScriptedTexts(needs.clock, needs.ids, reply=lambda _: settings.shim_reply),
            **{
                (DIRECT[dialect].client, kind): HttpClient(
                    DIRECT[dialect].client,
                    http,
                    partial(direct_call, dialect=dialect, wire=spoken.wire, path=f"/{kind}"),
                )
                for kind, spoken in _SPOKEN.items()
                for dialect in spoken.dialects
            },
            **{
                ("forward", kind): HttpClient(
                    "forward",
                    http,
                    partial(forward_call, settings=settings, path=f"/v1/{kind}", wire=of_process(spoken.wire)),
                )
                for kind, spoken in _SPOKEN.items()
            },
        }

    def find(self, target: ModelTarget, kind: Endpoint) -> ModelClient | None:
        """Returns: who asks a target's endpoint, None where its provider has none."""
        return self._clients.get((target.client, kind))

    def of(self, target: ModelTarget, kind: Endpoint) -> ModelClient:
        """Returns: who asks a target's endpoint. Raises: UnsupportedParameter where its provider has none."""
        client = self.find(target, kind)
        if client is None:
            text = f"The provider of model '{target.model[:200]}' has no {_SPOKEN[kind].title}"
            raise UnsupportedParameter(text, param="model")
        return client
