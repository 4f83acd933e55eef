"""`register_codex_agent()`: codex agents as LiteLLM custom providers (GATEWAY 7.5)."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from anyio.from_thread import start_blocking_portal

from mini_agent.core.chat import DONE
from mini_agent.core.errors import GatewayError, ProviderNotConfigured
from mini_agent.core.ports import SYSTEM_CLOCK
from mini_agent.core.redaction import Redactor
from mini_agent.net.connections import Connections
from mini_agent.net.connector import HttpConnectorFactory, open_http_connector
from mini_agent.net.sessions import Sessions
from mini_agent.settings import Settings, codex_settings
from mini_agent.upstreams.codex.agent import BASE_VARIABLE, ENABLE_VARIABLE
from mini_agent.upstreams.codex.http import CodexHttp, RetryPolicy, codex_call
from mini_agent.upstreams.litellm.loader import import_litellm
from mini_agent.upstreams.model_call import ModelCall
from mini_agent.upstreams.protocol import decode_answer

PROVIDERS = ("codex-agent", "codex_cli_agent")

#: Longest text of an agent's refusal that a LiteLLM exception carries.
_TEXT_CHARACTERS = 400
#: What LiteLLM passes when nobody asked for a timeout, in seconds.
_LITELLM_DEFAULTS = (600, 6000)
_log = logging.getLogger("mini_agent.codex")


@dataclass(frozen=True, slots=True)
class Registration:
    """What `register_codex_agent` did. providers: those that are ours now; reason: why others are not."""

    providers: tuple[str, ...]
    reason: str = ""

    def __bool__(self) -> bool:
        return self.providers == PROVIDERS


def register_codex_agent(
    environ: Mapping[str, str] | None = None,
    *,
    connector: HttpConnectorFactory = open_http_connector,
) -> Registration:
    """Make `codex-agent/…` and `codex_cli_agent/…` models known to LiteLLM in this process.

    Does nothing unless `LITELLM_ENABLE_CODEX_AGENT` is exactly `1`. Calling it again changes nothing; a name that
    somebody else has registered stays theirs. Imports LiteLLM if that has not happened yet.

    environ: where the codex variables are read, at each call; the process's own environment if None.
    connector: opens the connections of one call.
    Returns: what was done; it is false unless both names are ours.
    """
    source = os.environ if environ is None else environ
    if source.get(ENABLE_VARIABLE) != "1":
        return Registration((), f"{ENABLE_VARIABLE} is not 1")
    try:
        litellm = import_litellm()
        handler_class = _handler_class(litellm)
    except (ProviderNotConfigured, AttributeError) as error:
        _log.warning("codex agents cannot be registered with LiteLLM: %s", type(error).__name__)
        return Registration((), str(error))
    handler = handler_class(_Bridge(litellm, lambda: codex_settings(source), connector))
    ours: list[str] = []
    foreign: list[str] = []
    for name in PROVIDERS:
        present = next((item for item in litellm.custom_provider_map if item["provider"] == name), None)
        if present is None:
            litellm.custom_provider_map.append({"provider": name, "custom_handler": handler})
            ours.append(name)
        else:
            (ours if getattr(present["custom_handler"], "mini_agent_codex", False) else foreign).append(name)
    # A Router checks provider names when it is built, which is before LiteLLM looks at the map by itself.
    litellm.utils.custom_llm_setup()
    reason = f"registered by somebody else: {', '.join(foreign)}" if foreign else ""
    if reason:
        _log.warning("codex agents not registered with LiteLLM: %s", reason)
    return Registration(tuple(ours), reason)


def _handler_class(litellm: Any) -> Callable[..., Any]:
    """Build the handler class. It derives from LiteLLM's, which exists only once LiteLLM is imported."""

    class CodexHandler(litellm.CustomLLM):  # type: ignore[misc]  # The base is known at run time only.
        """Four entrances to one client."""

        mini_agent_codex = True

        def __init__(self, bridge: _Bridge) -> None:
            super().__init__()
            self._bridge = bridge

        def completion(self, *_: Any, **kwargs: Any) -> Any:
            return self._bridge.complete(kwargs)

        async def acompletion(self, *_: Any, **kwargs: Any) -> Any:
            return await self._bridge.acomplete(kwargs)

        def streaming(self, *_: Any, **kwargs: Any) -> Generator[dict[str, Any], None, None]:
            return self._bridge.stream(kwargs)

        def astreaming(self, *_: Any, **kwargs: Any) -> AsyncGenerator[dict[str, Any], None]:
            return self._bridge.astream(kwargs)

    return CodexHandler


class _Bridge:
    """From LiteLLM's arguments to the codex client, and back to its answers and errors.

    A synchronous call is the asynchronous one on a loop in a thread of its own: its caller may itself run on a loop.
    """

    def __init__(self, litellm: Any, settings: Callable[[], Settings], connector: HttpConnectorFactory) -> None:
        self._litellm = litellm
        self._settings = settings
        self._connector = connector

    def complete(self, arguments: Mapping[str, Any]) -> Any:
        """Returns: LiteLLM's response object."""
        with start_blocking_portal() as portal:
            return portal.call(self.acomplete, arguments)

    async def acomplete(self, arguments: Mapping[str, Any]) -> Any:
        """Returns: LiteLLM's response object."""
        async with self._opened(arguments, stream=False) as (http, call):
            return self._litellm.ModelResponse(**decode_answer(await http.complete(call)))

    def stream(self, arguments: Mapping[str, Any]) -> Generator[dict[str, Any], None, None]:
        """Returns: LiteLLM's generic chunks."""
        with start_blocking_portal() as portal:
            chunks = self.astream(arguments)
            try:
                while (chunk := portal.call(anext, chunks, None)) is not None:
                    yield chunk
            finally:
                portal.call(chunks.aclose)

    async def astream(self, arguments: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Returns: LiteLLM's generic chunks."""
        closing = _Closing()
        async with (
            self._opened(arguments, stream=True) as (http, call),
            aclosing(http.stream(call)) as batches,
        ):
            async for batch in batches:
                for chunk in (decode_answer(payload) for payload in batch if payload != DONE):
                    for generic in closing.take(chunk):
                        yield generic
        yield closing.last()

    @asynccontextmanager
    async def _opened(
        self, arguments: Mapping[str, Any], *, stream: bool
    ) -> AsyncGenerator[tuple[CodexHttp, ModelCall], None]:
        """Prepare one call, with connections of its own: LiteLLM tells nobody when it is done with its handlers."""
        settings = self._settings()
        sessions = Sessions(SYSTEM_CLOCK, self._connector)
        policy = RetryPolicy.of(settings)
        try:
            call = _call(arguments, settings, policy, stream=stream)
            yield CodexHttp(Connections(settings, sessions), SYSTEM_CLOCK, policy), call
        except GatewayError as error:
            raise self._foreign(error) from None
        finally:
            await sessions.aclose()

    def _foreign(self, error: GatewayError) -> Exception:
        """Any other exception of a handler would come out as a 500 with a traceback in its text."""
        text = Redactor(self._settings().secrets()).text(error.message)[:_TEXT_CHARACTERS]
        failure: Exception = self._litellm.llms.custom_llm.CustomLLMError(status_code=_status(error), message=text)
        return failure


def _call(arguments: Mapping[str, Any], settings: Settings, policy: RetryPolicy, *, stream: bool) -> ModelCall:
    """Returns: the request that LiteLLM's arguments mean. Raises: ProviderNotConfigured without an address."""
    base = arguments.get("api_base") or settings.codex_api_base
    if not base:
        raise ProviderNotConfigured(f"{BASE_VARIABLE} is not set and there is no api_base")
    parameters = dict(arguments.get("optional_params") or {})
    # LiteLLM nests what is not OpenAI's under this name.
    parameters |= parameters.pop("extra_body", None) or {}
    extra_headers = parameters.pop("extra_headers", None) or {}
    timeout = arguments.get("timeout")
    return codex_call(
        base,
        {**parameters, "model": arguments["model"], "messages": arguments["messages"]},
        stream=stream,
        policy=policy,
        api_key=arguments.get("api_key") or settings.codex_api_key,
        headers={**(arguments.get("headers") or {}), **extra_headers},
        timeout_s=float(timeout) if isinstance(timeout, int | float) and timeout not in _LITELLM_DEFAULTS else None,
    )


def _status(error: GatewayError) -> int:
    """Returns: the status LiteLLM maps back to the same meaning: the agent's own refusal of a key is a 401 there."""
    return 401 if error.code == "provider_auth" else error.status


class _Closing:
    """Turns chunks into LiteLLM's generic ones, and holds back finish reason and usage for the last.

    LiteLLM ends a stream at the finish reason, so usage that comes after it would be lost.
    """

    def __init__(self) -> None:
        self._finish_reason = ""
        self._usage: dict[str, Any] | None = None

    def take(self, chunk: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Returns: the generic chunks of one chunk: its text, and one per tool-call fragment."""
        self._usage = chunk.get("usage") or self._usage
        found = []
        for choice in chunk.get("choices") or []:
            delta = choice.get("delta") or {}
            self._finish_reason = choice.get("finish_reason") or self._finish_reason
            if delta.get("content"):
                found.append(_generic(text=delta["content"]))
            for position, fragment in enumerate(delta.get("tool_calls") or []):
                found.append(_generic(tool_use=_tool_use(fragment, position)))
        return found

    def last(self) -> dict[str, Any]:
        """Returns: the closing chunk."""
        return _generic(is_finished=True, finish_reason=self._finish_reason or "stop", usage=self._usage)


def _tool_use(fragment: Mapping[str, Any], position: int) -> dict[str, Any]:
    function = fragment.get("function") or {}
    return {
        "id": fragment.get("id"),
        "type": "function",
        "function": {"name": function.get("name"), "arguments": function.get("arguments") or ""},
        "index": fragment.get("index", position),
    }


def _generic(**fields: Any) -> dict[str, Any]:
    base = {"text": "", "is_finished": False, "finish_reason": "", "usage": None, "index": 0, "tool_use": None}
    return {**base, **fields}
