"""The gateway's own `codex-agent/` models."""

from __future__ import annotations

from mini_agent.core.chat import ProviderRequest
from mini_agent.core.errors import ProviderNotConfigured
from mini_agent.core.ports import Clock
from mini_agent.memory.headers import provider_headers
from mini_agent.net.connections import Connections
from mini_agent.settings import Settings
from mini_agent.upstreams.codex.http import CodexHttp, RetryPolicy, codex_call
from mini_agent.upstreams.model_call import ModelCall
from mini_agent.upstreams.model_http import HttpClient

ENABLE_VARIABLE = "LITELLM_ENABLE_CODEX_AGENT"
BASE_VARIABLE = "CODEX_AGENT_API_BASE"


def codex_client(settings: Settings, connections: Connections, clock: Clock) -> HttpClient:
    """Returns: what posts to codex agents. connections: of the app."""
    policy, enabled = RetryPolicy.of(settings), settings.enable_codex_agent == "1"

    def write(request: ProviderRequest, stream: bool) -> ModelCall:
        target = request.target
        if not enabled:
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
            policy=policy,
            api_key=target.api_key,
            headers=provider_headers(request),
            timeout_s=(target.stream_timeout_s if stream else None) or target.timeout_s,
            user_id=request.caller.user_id,
        )

    return HttpClient("codex_agent", CodexHttp(connections, clock, policy), write)
