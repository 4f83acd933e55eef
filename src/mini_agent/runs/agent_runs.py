"""Every agent run is assembled here: that of `/agent/run`, and the one behind a `mini-agent` model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

from mini_agent.agent.loop import ViewInjection, run
from mini_agent.agent.values import AgentConfig, AgentResult
from mini_agent.core.chat import Caller, ModelTarget
from mini_agent.core.errors import GatewayError
from mini_agent.core.ports import Clock
from mini_agent.runs.loop_model import LoopModel
from mini_agent.runs.run_events import RunEvents
from mini_agent.tools.backends import ToolInvokerFactory
from mini_agent.tools.protocol import ClosableInvoker
from mini_agent.upstreams.clients import Clients


class AgentRuns:
    """Puts a model, tools, memory and the clock around the turn loop.

    clients: of the app. tools: makes the tools of a run. on_error: called for each failed call of a model with the
    client's name, the target and the error.
    """

    def __init__(
        self,
        clients: Clients,
        tools: ToolInvokerFactory,
        clock: Clock,
        on_error: Callable[[str, ModelTarget, GatewayError], None],
    ) -> None:
        self.tools = tools
        self.clients = clients
        self._clock = clock
        self._on_error = on_error

    def model(
        self, resolve: Callable[[str], ModelTarget], caller: Caller, events: RunEvents | None = None
    ) -> LoopModel:
        """Returns: what answers the model calls of one run. resolve: model name to target. events: if it is told of."""
        return LoopModel(resolve, self.clients, caller, self._on_error, events)

    async def run(
        self,
        config: AgentConfig,
        messages: Sequence[dict[str, Any]],
        model: LoopModel,
        tools: ClosableInvoker,
        memory: Callable[[], Awaitable[ViewInjection | None]],
    ) -> AgentResult:
        """Run the loop, and let go of the tools whatever happens.

        memory: asked once for what puts memory into what the model sees. Returns: the result. Raises: GatewayError.
        """
        async with aclosing(tools):
            inject = await memory()
            return await run(config, messages, model, tools, clock=self._clock, inject=inject)
