"""The fast path: OpenAI-compatible providers over one pooled HTTP client (GATEWAY.md 7.2)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import lru_cache

import msgspec
from yarl import URL

from mini_agent.core.chat import ProviderRequest
from mini_agent.core.errors import ProviderNotConfigured
from mini_agent.core.ports import Clock
from mini_agent.memory.headers import provider_headers
from mini_agent.net.connections import Connections
from mini_agent.upstreams.model_http import ModelCall, ModelHttp, asked_choices, noted
from mini_agent.upstreams.protocol import Batch

__all__ = ["OpenAIHttpClient"]


class OpenAIHttpClient:
    """Posts to `{api_base}/chat/completions`. connections: of the app."""

    name = "openai_http"

    def __init__(self, connections: Connections, clock: Clock) -> None:
        self._http = ModelHttp(connections, clock)
        self._encode = msgspec.json.Encoder().encode

    async def complete(self, request: ProviderRequest) -> bytes:
        """Ask once. Returns: the provider's bytes. Raises: GatewayError."""
        return await self._http.complete(self._call(request))

    def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Ask for a stream. Returns: the provider's events as they arrive. Raises: GatewayError."""
        return self._http.stream(self._call(request))

    async def aclose(self) -> None:
        """Nothing to free: the connections belong to the app."""

    def _call(self, request: ProviderRequest) -> ModelCall:
        target, note = request.target, request.note_headers
        if not target.api_base:
            raise ProviderNotConfigured(f"Model '{target.model}' has no api_base")
        headers = {"content-type": "application/json"}
        if target.api_key:
            headers["authorization"] = f"Bearer {target.api_key}"
        return ModelCall(
            url=_endpoint(target.api_base),
            body=self._encode({"model": target.name, **request.body}),
            headers=headers | provider_headers(request),
            user_id=request.caller.user_id,
            model=target.model,
            timeout_s=target.timeout_s,
            stream_timeout_s=target.stream_timeout_s,
            max_retries=target.max_retries,
            choices=asked_choices(request.body),
            on_answer=None if note is None else lambda headers: note(noted(headers)),
        )


@lru_cache(maxsize=256)
def _endpoint(api_base: str) -> URL:
    return URL(f"{api_base}/chat/completions")
