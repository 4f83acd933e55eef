"""The gateway's own `codex-agent/` models."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from mini_agent.core.chat import ProviderRequest
from mini_agent.core.errors import ProviderNotConfigured
from mini_agent.core.ports import Clock
from mini_agent.memory.headers import provider_headers
from mini_agent.net.connections import Connections
from mini_agent.settings import Settings
from mini_agent.upstreams.codex.http import CodexHttp, RetryPolicy, codex_call
from mini_agent.upstreams.model_call import ModelCall
from mini_agent.upstreams.protocol import Batch, Capabilities

ENABLE_VARIABLE = "LITELLM_ENABLE_CODEX_AGENT"
BASE_VARIABLE = "CODEX_AGENT_API_BASE"


class CodexAgentClient:
    """Posts to a codex agent. connections: of the app."""

    name = "codex_agent"
    capabilities = Capabilities()

    def __init__(self, settings: Settings, connections: Connections, clock: Clock) -> None:
        self._enabled = settings.enable_codex_agent == "1"
        self._policy = RetryPolicy.of(settings)
        self._http = CodexHttp(connections, clock, self._policy)

    async def complete(self, request: ProviderRequest) -> bytes:
        """Ask once. Returns: the completion, null content as `""`. Raises: GatewayError."""
        return await self._http.complete(self._call(request, stream=False))

    def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Ask for a stream. Returns: the agent's events as they arrive. Raises: GatewayError."""
        return self._http.stream(self._call(request, stream=True))

    async def aclose(self) -> None:
        """Nothing to free: the connections belong to the app."""

    def _call(self, request: ProviderRequest, *, stream: bool) -> ModelCall:
        target = request.target
        if not self._enabled:
            raise ProviderNotConfigured(
                f"Model '{target.model[:200]}' needs {ENABLE_VARIABLE}=1, which is not set", param="model"
            )
        if not target.api_base:
            raise ProviderNotConfigured(
                f"Model '{target.model[:200]}' needs {BASE_VARIABLE} or an api_base; neither is set", param="model"
            )
        return codex_call(
            target.api_base,
            {**request.body, "model": target.name},
            stream=stream,
            policy=self._policy,
            api_key=target.api_key,
            headers=provider_headers(request),
            timeout_s=(target.stream_timeout_s if stream else None) or target.timeout_s,
            user_id=request.caller.user_id,
        )
