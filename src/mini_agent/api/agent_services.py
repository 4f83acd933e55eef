"""What agent runs work with, built once for an app."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mini_agent.core.chat import ModelTarget
from mini_agent.core.errors import GatewayError
from mini_agent.pipeline.services import ModelServices
from mini_agent.runs.agent_runs import AgentRuns
from mini_agent.runs.mini_agent_model import MiniAgentClient
from mini_agent.runs.traces import TraceStore
from mini_agent.tools.backends import ToolInvokerFactory


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentServices:
    """What the route works with, besides what chat has."""

    chat: ModelServices
    runs: AgentRuns
    traces: TraceStore


def build_agent(services: ModelServices, tools: ToolInvokerFactory, ids: Callable[[], str]) -> AgentServices:
    """Build what runs work with, and let `mini-agent` models be asked like any other. tools: makes those of a run."""
    metrics, settings = services.metrics, services.settings

    def on_error(client: str, target: ModelTarget, error: GatewayError) -> None:
        metrics.provider_error(client, target.group, error.code)

    runs = AgentRuns(services.clients, tools, services.clock, on_error)
    agent = MiniAgentClient(settings, services.registry, runs, clock=services.clock, ids=ids)
    services.clients.add_missing("mini_agent", agent)
    traces = TraceStore(settings, services.redactor, services.clock, services.log, metrics.traces_dropped.inc)
    return AgentServices(chat=services, runs=runs, traces=traces)
