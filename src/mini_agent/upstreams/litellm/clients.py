"""The client that a LiteLLM call gets, so that it uses the session of its user (GATEWAY 8.5).

Left alone, LiteLLM keeps clients of its own, shared by all callers with the same key; those around OpenAI's SDK keep
cookies, too, and follow redirects with every header.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

import aiohttp

from mini_agent.core.chat import ProviderRequest
from mini_agent.net.sessions import MAX_SESSIONS, Sessions, session_host

#: Providers that LiteLLM 1.106.2 calls through its own `AsyncHTTPHandler`, and takes one from the caller for: measured
#: by calling each. What is not here and not OpenAI's SDK keeps no cookies in that version.
HTTP_HANDLER_PROVIDERS = frozenset(
    """
    a2a anthropic azure_ai bedrock_mantle cometapi compactifai databricks datarobot deepseek edenai fireworks_ai
    gemini groq heroku hosted_vllm huggingface langflow langgraph lemonade minimax mistral nadir ollama ollama_chat
    openrouter ovhcloud snowflake together_ai xai
    """.split()
)
_OPENAI_SDK = frozenset({"openai", "custom_openai", "text-completion-openai"})
_DEFAULT_BASE = "https://api.openai.com/v1"
#: Versions of Azure's API that are OpenAI's own under another address.
_AZURE_V1 = frozenset({"v1", "latest", "preview"})


#: Builds a client of the SDK around an HTTP transport.
_Build = Callable[[Any], Any]


class SdkClients:
    """Keeps one client of the SDK per session and way to call: to build one for each call costs half of its speed.

    answer_bytes: of an answer that is read at most.
    """

    def __init__(self, sessions: Sessions, answer_bytes: int = 2**25) -> None:
        self._sessions = sessions
        self._answer_bytes = answer_bytes
        self._kept: OrderedDict[tuple[Any, ...], tuple[aiohttp.ClientSession, Any]] = OrderedDict()

    async def arguments(self, litellm: Any, request: ProviderRequest) -> dict[str, Any]:
        """Make what `acompletion` needs to use the caller's session.

        litellm: the imported package.
        Returns: `client`, or nothing for providers that take none.
        """
        target = request.target
        if target.provider in HTTP_HANDLER_PROVIDERS:
            return {"client": await self._client(request, target.api_base, (), _http_handler)}
        if target.provider in _OPENAI_SDK or target.provider in litellm.openai_compatible_providers:
            base, key = _resolved(litellm, request)
            if base and key:
                build = partial(_openai, base=base, key=key)
                return {"client": await self._client(request, base, (base, key, target.max_retries), build)}
        if target.provider == "azure":
            base, key, version = _resolved_azure(litellm, request)
            if base and key:
                build = partial(_azure, base=base, key=key, version=version)
                return {"client": await self._client(request, base, (base, key, version, target.max_retries), build)}
        return {}

    async def _client(self, request: ProviderRequest, base: str | None, way: tuple[Any, ...], build: _Build) -> Any:
        """Returns: the client over the caller's session at the provider's host. way: what else tells clients apart."""
        from litellm.llms.custom_httpx.aiohttp_transport import LiteLLMAiohttpTransport

        from mini_agent.upstreams.litellm.bounded import BoundedTransport

        user_id, host = request.caller.user_id, session_host(base) if base else request.target.provider
        session = await self._sessions.get_session(user_id, host)
        key = (user_id, host, *way)
        kept = self._kept.get(key)
        # A session that was forgotten in between has taken its cookies along; so must the client.
        if kept is None or kept[0] is not session:
            inner = LiteLLMAiohttpTransport(client=session, owns_session=False)
            kept = (session, build(BoundedTransport(inner, self._answer_bytes)))
        self._kept[key] = kept
        self._kept.move_to_end(key)
        if len(self._kept) > MAX_SESSIONS:
            self._kept.popitem(last=False)
        return kept[1]


def _resolved(litellm: Any, request: ProviderRequest) -> tuple[str | None, str | None]:
    """Returns: base address and key, from the provider's defaults and variables where the entry has none."""
    target = request.target
    if target.api_base and target.api_key:
        return target.api_base, target.api_key
    _, _, key, base = litellm.get_llm_provider(
        model=target.name, custom_llm_provider=target.provider, api_base=target.api_base, api_key=target.api_key
    )
    return target.api_base or base or _DEFAULT_BASE, target.api_key or key


def _resolved_azure(litellm: Any, request: ProviderRequest) -> tuple[str | None, str | None, str]:
    """Returns: base address, key and version, from the variables that LiteLLM reads where the entry has none."""
    from litellm.secret_managers.main import get_secret_str

    target, version = request.target, request.body.get("api_version") or get_secret_str("AZURE_API_VERSION")
    return (
        target.api_base or get_secret_str("AZURE_API_BASE"),
        target.api_key or get_secret_str("AZURE_OPENAI_API_KEY") or get_secret_str("AZURE_API_KEY"),
        version or litellm.AZURE_DEFAULT_API_VERSION,
    )


def _http_client(transport: Any) -> Any:
    import httpx

    # Redirects would carry the memory key to whatever host the provider names.
    return httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)


def _http_handler(transport: Any) -> Any:
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

    handler = AsyncHTTPHandler(transport=transport, follow_redirects=False)
    # A client that was set is not closed when the handler is collected, which may be in the middle of a stream.
    handler.client = handler.client
    return handler


def _openai(transport: Any, base: str, key: str) -> Any:
    import openai

    return openai.AsyncOpenAI(api_key=key, base_url=base, http_client=_http_client(transport), max_retries=0)


def _azure(transport: Any, base: str, key: str, version: str) -> Any:
    import openai

    if version in _AZURE_V1:
        return _openai(transport, f"{base}/openai/v1/", key)
    return openai.AsyncAzureOpenAI(
        api_key=key, azure_endpoint=base, api_version=version, http_client=_http_client(transport), max_retries=0
    )
