"""`mini-agent/<target>` models: a whole agent run behind one completion (GATEWAY 7.6)."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from mini_agent.agent import ViewInjection
from mini_agent.agent.values import AgentConfig, AgentResult
from mini_agent.core.chat import DONE, UNLISTED, ModelTarget, ProviderRequest
from mini_agent.core.errors import ProviderNotConfigured
from mini_agent.core.ports import Clock
from mini_agent.dialects.completion import completion_object, stream_chunks
from mini_agent.runs.agent_runs import AgentRuns
from mini_agent.settings import Settings
from mini_agent.tools.backends import ToolRequest
from mini_agent.upstreams.protocol import Batch, Capabilities
from mini_agent.upstreams.registry import Registry
from mini_agent.upstreams.scripted import wants_usage

#: What each allowed language adds to the shell allow-list, as exact argv[0] entries.
SHELL_OF_LANGUAGE: Mapping[str, tuple[str, ...]] = {
    "python": ("python", "python3"),
    "rust": ("cargo", "rustc"),
    "go": ("go",),
    "javascript": ("node",),
}
_NO_TARGET = "mini-agent requires 'target_model' or defaults; none found"
#: A limit of zero seconds is a limit: no call fits in it.
_LEAST_SECONDS = 1e-9
#: Parameters that the loop decides for every call, or that mean the outer answer.
_OUTER = frozenset({"messages", "stream", "stream_options", "tools", "tool_choice", "functions", "function_call", "n"})


class _Options(msgspec.Struct, kw_only=True, frozen=True):
    """Options of a model entry; None means the default of the environment. max_seconds: seconds."""

    target_model: str | None = None
    max_iterations: int | None = None
    max_seconds: float | None = None
    tool_backend: str | None = None
    docker_container: str | None = None
    allowed_languages: list[str] | None = None


class MiniAgentClient:
    """Runs the loop with tools and auto-run."""

    name = "mini_agent"
    capabilities = Capabilities(runs_agent=True)

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        runs: AgentRuns,
        *,
        clock: Clock,
        ids: Callable[[], str],
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._runs = runs
        self._clock = clock
        self._ids = ids

    async def complete(self, request: ProviderRequest) -> bytes:
        """Run the agent. Returns: its answer as a completion. Raises: GatewayError."""
        return msgspec.json.encode(await self._completion(request))

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Run the agent. Returns: its finished answer as a regular stream. Raises: GatewayError."""
        completion = await self._completion(request)
        for chunk in stream_chunks(completion, include_usage=wants_usage(request.body)):
            yield [msgspec.json.encode(chunk)]
        yield [DONE]

    async def aclose(self) -> None:
        """Nothing to free: the tools belong to the app."""

    async def _completion(self, request: ProviderRequest) -> dict[str, Any]:
        options = _options(request.target)
        target_model = self._target_model(request.target, options)
        model = self._runs.model(self._resolver(request.target), request.caller)
        config = self._config(target_model, options, request)
        tools = self._runs.tools(self._tool_request(options, config, request.caller.user_id))

        async def memory() -> ViewInjection | None:
            return request.inject  # The route has asked already, as for every model.

        result = await self._runs.run(config, request.body["messages"], model, tools, memory)
        return completion_object(
            completion_id=f"chatcmpl-{self._ids()}",
            created=int(self._clock.time()),
            model=request.target.model,
            message=_message(result),
            finish_reason="stop" if result.stopped_reason == "success" else "length",
            usage=model.usage,
        )

    def _resolver(self, target: ModelTarget) -> Callable[[str], ModelTarget]:
        # What the operator wrote into an entry need not be in the model list a second time.
        return partial(self._registry.resolve, configured=target.group != UNLISTED)

    def _target_model(self, target: ModelTarget, options: _Options) -> str:
        name = options.target_model or target.name or self._settings.default_target_model
        if not name:
            raise ProviderNotConfigured(_NO_TARGET, param="model")
        if self._runs.clients.of(self._resolver(target)(name)).capabilities.runs_agent:
            raise ProviderNotConfigured(f"mini-agent target '{name[:200]}' is an agent itself", param="model")
        return name

    def _config(self, target_model: str, options: _Options, request: ProviderRequest) -> AgentConfig:
        settings = self._settings
        iterations = settings.agent_max_iterations if options.max_iterations is None else options.max_iterations
        seconds = settings.agent_max_seconds if options.max_seconds is None else options.max_seconds
        languages = settings.agent_languages if options.allowed_languages is None else options.allowed_languages
        shell = [entry for language in languages for entry in SHELL_OF_LANGUAGE.get(language, ())]
        return AgentConfig(
            model=target_model,
            max_iterations=max(0, iterations),
            max_total_seconds=max(seconds, _LEAST_SECONDS),
            shell_allow_prefixes=("echo", *shell),
            use_tools=True,
            auto_run_code_on_code_block=True,
            completion_kwargs={name: value for name, value in request.body.items() if name not in _OUTER},
        )

    def _tool_request(self, options: _Options, config: AgentConfig, user_id: str | None) -> ToolRequest:
        return ToolRequest(
            backend=(options.tool_backend or self._settings.agent_tool_backend).strip().lower(),
            docker_container=options.docker_container,
            shell_allow=config.shell_allow_prefixes,
            timeout_s=config.tool_timeout_sec,
            user_id=user_id,
        )


def _options(target: ModelTarget) -> _Options:
    try:
        return msgspec.convert(dict(target.options), _Options)
    except msgspec.ValidationError as error:
        raise ProviderNotConfigured(f"Model '{target.model[:200]}' has an invalid option: {error}") from error


def _message(result: AgentResult) -> dict[str, Any]:
    count = result.metrics.iterations
    content = result.final_answer
    if content is None:
        content = json.dumps({"iterations": count, "stopped_reason": result.stopped_reason})
    tools = [record.as_dict() for turn in result.iterations for record in turn.tool_invocations]
    facts = {
        "iterations": count,
        "stopped_reason": result.stopped_reason,
        "conversation": result.messages,
        "parsed_tools": tools,
    }
    return {"role": "assistant", "content": content, "additional_kwargs": {"mini_agent": facts}}
