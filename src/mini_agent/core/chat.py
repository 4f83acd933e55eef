"""A chat request on its way to a provider."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: What ends a stream, as the payload of its last event.
DONE = b"[DONE]"

#: Metrics label of models outside the list.
UNLISTED = "unlisted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTarget:
    """A resolved model: who answers, where and with what.

    model: the name the client used. group: the configured group, or `unlisted`. client: the key of the model client.
    provider, name: the two halves of the provider's model name. defaults: configured model parameters.
    allowed: extra body fields clients may set. timeout_s, stream_timeout_s: seconds, None for the client's default.
    features: what the client appended to the name, for `anthropic-beta`.
    memory_host: whether `api_base` is a memory service. memory_key: the key such a host gets in a header of its own.
    sends_user_id: whether the provider learns whose request it is. dialect: what the provider speaks, a value of
    `dialects.Dialect`. dropped: parameters that the operator keeps from it, in its own words.
    """

    model: str
    client: str
    group: str = UNLISTED
    provider: str = ""
    name: str = ""
    api_base: str | None = None
    api_key: str | None = field(default=None, repr=False)
    extra_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()
    timeout_s: float | None = None
    stream_timeout_s: float | None = None
    max_retries: int = 2
    options: Mapping[str, Any] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    memory_host: bool = False
    memory_key: str | None = field(default=None, repr=False)
    sends_user_id: bool = True
    dialect: str = "openai_chat"
    dropped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks. request_id: of the client's request.

    user_id: whose memory and cookies are used, None while memory routing is off.
    headers: outgoing ones of every provider request of this caller: request id, hop, passed-on `x-*`; lower-case names.
    naming: those of them that name the user, and stay here where a provider does not learn it.
    """

    request_id: str
    user_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    naming: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRequest:
    """One call to a model.

    body: the parameters that reach the provider, defaults included, without `model`.
    inject: puts retrieved memory into what a model sees. Only for the agent, whose record of the conversation must not
    show it; for all other model clients the body's messages have it already.
    query: of the client's address, for an external process. protocol_headers: the client's own of the dialect that the
    provider speaks, such as `anthropic-version`. on_response_headers: takes the end-to-end headers of the answer,
    before anything of its body; for clients whose answer is somebody else's.
    Its headers are built by `mini_agent.memory.headers.provider_headers`, for every model client the same.
    """

    target: ModelTarget
    body: Mapping[str, Any]
    caller: Caller
    query: str = ""
    protocol_headers: Mapping[str, str] = field(default_factory=dict)
    on_response_headers: Callable[[Iterable[tuple[bytes, bytes]]], None] | None = None
    inject: Callable[[Sequence[dict[str, Any]]], list[dict[str, Any]]] | None = None


def text_of(content: object) -> str:
    """Returns: the text of a message's content, its text parts joined by a space; empty where there is none."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") if isinstance(part, Mapping) else part for part in content)
    return " ".join(text for text in texts if isinstance(text, str))
