"""The gateway's own `codex-agent/` models."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from importlib.util import find_spec

import msgspec

from mini_agent.core.chat import DONE, ProviderRequest
from mini_agent.core.errors import ProviderNotConfigured
from mini_agent.core.ports import Clock
from mini_agent.memory.headers import provider_headers
from mini_agent.settings import Settings
from mini_agent.upstreams.codex.http import DEFAULT_TIMEOUT_S, CodexCall, CodexHttp, RetryPolicy
from mini_agent.upstreams.protocol import Batch, Capabilities

__all__ = ["ENABLE_VARIABLE", "CodexAgentClient"]

ENABLE_VARIABLE = "LITELLM_ENABLE_CODEX_AGENT"
BASE_VARIABLE = "CODEX_AGENT_API_BASE"


class CodexAgentClient:
    """Posts to a codex agent. http: makes the client for a retry policy; tests replace its transports."""

    name = "codex_agent"
    capabilities = Capabilities()

    def __init__(
        self, settings: Settings, clock: Clock, http: Callable[[RetryPolicy], CodexHttp] | None = None
    ) -> None:
        self._enabled = settings.enable_codex_agent == "1"
        policy = RetryPolicy(
            max_retries=settings.codex_max_retries,
            base_ms=settings.codex_retry_base_ms,
            max_ms=settings.codex_retry_max_ms,
            seed=settings.codex_retry_seed,
        )
        self._http = http(policy) if http is not None else CodexHttp(policy, async_wait=clock.sleep, now=clock.time)

    async def complete(self, request: ProviderRequest) -> bytes:
        """Ask once. Returns: the completion, null content as `""`. Raises: GatewayError."""
        return msgspec.json.encode(await self._http.acomplete(self._call(request, request.target.timeout_s)))

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Ask for a stream. Returns: one chunk per batch. Raises: GatewayError."""
        seconds = request.target.stream_timeout_s or request.target.timeout_s
        chunks = self._http.astream(self._call(request, seconds))
        try:
            async for chunk in chunks:
                yield [msgspec.json.encode(chunk)]
        finally:
            await chunks.aclose()
        yield [DONE]

    async def aclose(self) -> None:
        """Nothing to free: each call has its own connection."""

    def _call(self, request: ProviderRequest, seconds: float | None) -> CodexCall:
        target = request.target
        if not self._enabled:
            raise ProviderNotConfigured(
                f"Model '{target.model[:200]}' needs {ENABLE_VARIABLE}=1, which is not set", param="model"
            )
        _require_httpx(target.model)
        if not target.api_base:
            raise ProviderNotConfigured(
                f"Model '{target.model[:200]}' needs {BASE_VARIABLE} or an api_base; neither is set", param="model"
            )
        return CodexCall(
            base=target.api_base,
            body={"model": target.name, **{name: value for name, value in request.body.items() if name != "stream"}},
            api_key=target.api_key,
            headers=provider_headers(request),
            timeout_s=seconds or DEFAULT_TIMEOUT_S,
        )


def _require_httpx(model: str) -> None:
    """Raises: ProviderNotConfigured without the package that codex agents are called with."""
    if find_spec("httpx") is None:
        raise ProviderNotConfigured(f"Model '{model[:200]}' needs the optional package 'httpx'", param="model")
