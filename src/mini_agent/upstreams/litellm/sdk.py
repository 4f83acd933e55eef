"""Every provider that is not OpenAI-compatible, through LiteLLM's SDK (GATEWAY 7.4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import fields, is_dataclass
from itertools import count
from typing import Any

import msgspec

from mini_agent.core.chat import DONE, ProviderRequest
from mini_agent.core.errors import (
    GatewayError,
    InvalidProviderResponse,
    ProviderFailed,
    ProviderNotConfigured,
    RateLimited,
    ServiceUnavailable,
)
from mini_agent.core.ports import Clock
from mini_agent.memory.headers import provider_headers
from mini_agent.net.retry import Backoff
from mini_agent.upstreams.errors import error_of_event
from mini_agent.upstreams.litellm.clients import HTTP_HANDLER_PROVIDERS, SdkClients
from mini_agent.upstreams.litellm.errors import error_of_litellm
from mini_agent.upstreams.litellm.loader import LiteLLMLoader
from mini_agent.upstreams.protocol import Batch, Capabilities

#: Headers that LiteLLM writes itself.
_OWN_HEADERS = frozenset({"content-type", "authorization"})
#: LiteLLM hands `max_retries` to OpenAI's SDK, which retries; for those that it calls itself, nobody does.
_RETRIED_BY_US = HTTP_HANDLER_PROVIDERS | {"azure"}
#: Of the retries that LiteLLM does not make itself.
_BACKOFF = Backoff()
#: Failures that say that the request was not served. A timeout is none: the provider may be working on it.
_MAY_PASS = (RateLimited, ServiceUnavailable, ProviderFailed)
#: Fields that LiteLLM adds to OpenAI's objects for its own use.
_FOREIGN = ("provider_specific_fields", "moderation", "citations")


class LiteLLMClient:
    """Calls a function of `litellm`.

    function: `acompletion`, or one that is called and answers in the same way. loader: imports the
    package on first use. drop_params: as in `litellm_settings`. clients: make the HTTP client of each call, None for
    LiteLLM's own.
    """

    name = "litellm_sdk"
    # LiteLLM takes any word for an option of its own: there only what OpenAI knows goes on.
    capabilities = Capabilities(passes_unknown=False)

    def __init__(
        self,
        clock: Clock,
        *,
        drop_params: bool = False,
        loader: LiteLLMLoader | None = None,
        clients: SdkClients | None = None,
        function: str = "acompletion",
    ) -> None:
        self._function = function
        self._clock = clock
        self._drop_params = drop_params
        self._load = loader or LiteLLMLoader()
        self._clients = clients

    async def complete(self, request: ProviderRequest) -> bytes:
        """Ask once. Returns: the completion as JSON. Raises: GatewayError."""
        answer = to_plain(await self.ask(request))
        if not isinstance(answer, dict) or not isinstance(answer.get("choices"), list):
            raise InvalidProviderResponse("the provider's answer is not a completion object")
        for choice in answer["choices"]:
            _complete_message(choice)
        return msgspec.json.encode(answer)

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Ask for a stream. Returns: one chunk per batch. Raises: GatewayError."""
        chunks = await self.ask(request, stream=True)
        if not hasattr(chunks, "__aiter__"):
            raise InvalidProviderResponse("the provider did not answer with a stream")
        finished = False
        try:
            async for chunk in chunks:
                payload = to_plain(chunk)
                if not isinstance(payload, dict):
                    raise InvalidProviderResponse("the provider sent a chunk that is no object")
                if payload.get("error"):
                    raise error_of_event(payload["error"])
                ends = _note_ends(payload)
                if ends and _is_invented(chunks):
                    break
                finished = finished or ends
                yield [msgspec.json.encode(payload)]
        except (GatewayError, asyncio.CancelledError, GeneratorExit):
            raise
        except Exception as error:
            raise error_of_litellm(error, self._clock.time()) from error
        finally:
            await _close(chunks)
        if not finished:
            raise InvalidProviderResponse("the provider's stream ended before the answer was finished")
        yield [DONE]

    async def aclose(self) -> None:
        """Nothing to free: LiteLLM keeps its own clients."""

    async def ask(self, request: ProviderRequest, *, stream: bool = False) -> Any:
        """Call the function. Returns: what it gives, an object of LiteLLM's. Raises: GatewayError."""
        litellm = await self._load()
        self._check_keys(litellm, request)
        retries = request.target.max_retries if request.target.provider in _RETRIED_BY_US else 0
        for attempt in count():
            try:
                own = {} if self._clients is None else await self._clients.arguments(litellm, request)
                return await getattr(litellm, self._function)(**self._arguments(request, stream=stream), **own)
            except Exception as error:
                failure = error_of_litellm(error, self._clock.time())
                if attempt >= retries or type(failure) not in _MAY_PASS:
                    raise failure from error
                asked_s = None if failure.retry_after == failure.default_retry_after else failure.retry_after
            await self._clock.sleep(_BACKOFF.wait_s(attempt, asked_s))
        raise AssertionError("unreachable")

    def _arguments(self, request: ProviderRequest, *, stream: bool) -> dict[str, Any]:
        target = request.target
        timeout = (target.stream_timeout_s if stream else None) or target.timeout_s
        headers = provider_headers(request)
        arguments: dict[str, Any] = {
            **request.body,
            "model": target.name,
            "custom_llm_provider": target.provider,
            "api_base": target.api_base,
            "api_key": target.api_key,
            "extra_headers": {name: value for name, value in headers.items() if name not in _OWN_HEADERS},
            "timeout": timeout,
            "max_retries": target.max_retries,
            # Only what can stream takes the word.
            "stream": stream or (False if self._function == "acompletion" else None),
            "drop_params": self._drop_params or None,
            # Our whitelist has let these pass, so LiteLLM must not refuse what it does not know.
            "allowed_openai_params": sorted(target.allowed) or None,
        }
        return {name: value for name, value in arguments.items() if value is not None}

    def _check_keys(self, litellm: Any, request: ProviderRequest) -> None:
        """Say which variable is missing, before the provider is asked without it."""
        target = request.target
        if target.api_key is not None or target.api_base is not None:
            return
        missing = litellm.validate_environment(model=f"{target.provider}/{target.name}").get("missing_keys") or []
        if missing:
            raise ProviderNotConfigured(
                f"Model '{target.model[:200]}' needs {', '.join(missing)}, not set", param="model"
            )


def _note_ends(chunk: dict[str, Any]) -> bool:
    """Give every choice of a chunk its `finish_reason`, and its text. Returns: whether one of them has a reason."""
    reasons = [choice.setdefault("finish_reason", None) for choice in chunk.get("choices") or []]
    if chunk.get("object") == "text_completion":
        for choice in chunk.get("choices") or []:
            choice.setdefault("text", "")
    return any(reasons)


def _is_invented(chunks: Any) -> bool:
    """Returns: whether the end of the answer is LiteLLM's own word: it says `stop` for a stream that just ended."""
    reasons = [getattr(chunks, f"{kind}_finish_reason", kind) for kind in ("received", "intermittent")]
    return not any(reasons)


async def _close(chunks: Any) -> None:
    """Close the provider's stream: LiteLLM's wrapper holds the response inside."""
    for source in (chunks, getattr(chunks, "completion_stream", None)):
        for name in ("aclose", "close"):
            close = getattr(source, name, None)
            if close is not None:
                result = close()
                if hasattr(result, "__await__"):
                    await result
                break


def _complete_message(choice: Any) -> None:
    """Put back the nulls of OpenAI's shape that went away with LiteLLM's own fields."""
    if isinstance(choice, dict):
        choice.setdefault("finish_reason", None)
        message = choice.get("message")
        if isinstance(message, dict):
            message.setdefault("content", None)


def to_plain(value: Any) -> Any:
    """Turn dict- or object-shaped answers into JSON values.

    Returns: mappings and lists of plain values, without nulls of optional fields and without LiteLLM's own fields.
    """
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        value = dump(exclude_none=True)
    elif is_dataclass(value) and not isinstance(value, type):
        value = {item.name: getattr(value, item.name) for item in fields(value)}
    elif not isinstance(value, Mapping | list | str | int | float | bool | None) and hasattr(value, "__dict__"):
        value = vars(value)
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items() if key not in _FOREIGN}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value
