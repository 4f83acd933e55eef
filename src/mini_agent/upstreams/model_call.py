"""One request to a model over HTTP, as it goes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from multidict import CIMultiDictProxy
from yarl import URL

from mini_agent.core.chat import ProviderRequest
from mini_agent.upstreams.errors import limit_headers
from mini_agent.upstreams.wires import OPENAI, Wire

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One request. user_id: whose cookies are used. model: as the client named it, for error texts.

    timeout_s: of the whole plain answer, None for the default. stream_timeout_s: of one silence in a stream.
    choices: how many answers were asked for: a stream that ends without `[DONE]` is whole when all have an end.
    on_answer: called with the headers of a 2xx answer before anything of its body is passed on. wire: what the server
    says.
    """

    url: URL
    body: bytes
    headers: Mapping[str, str] = field(repr=False)
    user_id: str | None
    model: str
    timeout_s: float | None = None
    stream_timeout_s: float | None = None
    max_retries: int = 0
    choices: int = 1
    on_answer: Callable[[CIMultiDictProxy[str]], None] | None = None
    wire: Wire = OPENAI

    @classmethod
    def of(
        cls,
        request: ProviderRequest,
        url: URL,
        headers: Mapping[str, str],
        answer_headers: Callable[[Mapping[str, str]], Iterable[tuple[bytes, bytes]]],
        wire: Wire,
    ) -> ModelCall:
        """Write a request in its own words. answer_headers: picks those of an answer that go to the client."""
        target, on_headers = request.target, request.on_response_headers
        return cls(
            url=url,
            body=_encode({"model": target.name, **request.body}),
            headers=headers,
            user_id=request.caller.user_id,
            model=target.model,
            timeout_s=target.timeout_s,
            stream_timeout_s=target.stream_timeout_s,
            max_retries=target.max_retries,
            choices=asked_choices(request.body),
            on_answer=None if on_headers is None else lambda raw: on_headers(answer_headers(raw)),
            wire=wire,
        )


def provider_facts(headers: Mapping[str, str]) -> Iterator[tuple[bytes, bytes]]:
    """Yield what of a provider's answer goes to the client besides its body: limits, and the provider's request id."""
    for name, value in limit_headers(headers).items():
        yield name.encode(), value.encode()


def asked_choices(body: Mapping[str, Any]) -> int:
    """Returns: how many answers a request asks for."""
    n = body.get("n")
    return n if isinstance(n, int) and n > 0 else 1
