"""`create_app`: the only place where the parts meet. Nothing happens at import."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from starlette.routing import Route, Router
from starlette.types import ASGIApp

from mini_agent.api.agent_run import AgentRoute, AgentServices
from mini_agent.api.health import HealthRoute, ReadyRoute, RootRoute
from mini_agent.api.memory_routing import RoutingInfoRoute
from mini_agent.api.model_route import ModelRoute
from mini_agent.api.models import ModelsRoute
from mini_agent.api.openapi import OpenApiRoute
from mini_agent.api.relay import RelayRoute
from mini_agent.core.logs import new_logger
from mini_agent.core.ports import SYSTEM_CLOCK, Clock, id_source
from mini_agent.core.redaction import Redactor
from mini_agent.dialects import Dialect
from mini_agent.edge.body import BodyReader
from mini_agent.edge.envelope import ErrorWriter
from mini_agent.edge.errors import route_not_found
from mini_agent.edge.exchange import Receive, Scope, Send
from mini_agent.edge.guard import DoorRules, RequestGuard
from mini_agent.edge.keys import KeyGuard
from mini_agent.edge.metrics import Metrics, MetricsRoute
from mini_agent.edge.middleware import Edge
from mini_agent.memory.protocol import RetrieverFactory
from mini_agent.memory.recall import Recall
from mini_agent.memory.supermemory import open_supermemory
from mini_agent.net.connections import Connections
from mini_agent.net.connector import HttpConnectorFactory, open_http_connector
from mini_agent.net.egress import Resolver, system_resolver
from mini_agent.net.sessions import Sessions
from mini_agent.pipeline.caller import Callers
from mini_agent.pipeline.services import ModelServices
from mini_agent.pipeline.steps import build_steps
from mini_agent.runs.agent_runs import AgentRuns
from mini_agent.runs.mini_agent_model import MiniAgentClient
from mini_agent.runs.traces import TraceStore
from mini_agent.settings import Settings, load_settings
from mini_agent.settings.start import refuse_unsafe
from mini_agent.tools.backends import Toolbox, ToolInvokerFactory
from mini_agent.tools.chat_tools import ChatTools
from mini_agent.upstreams.codex.agent import CodexAgentClient
from mini_agent.upstreams.direct import DIRECT, DirectClient
from mini_agent.upstreams.forward.client import ForwardClient
from mini_agent.upstreams.forward.relay import Relay
from mini_agent.upstreams.litellm.clients import SdkClients
from mini_agent.upstreams.litellm.sdk import LiteLLMClient
from mini_agent.upstreams.protocol import ModelClient
from mini_agent.upstreams.registry import Registry
from mini_agent.upstreams.scripted import ScriptedClient
from mini_agent.upstreams.speaking import Interpreter
from mini_agent.upstreams.table import Clients

if TYPE_CHECKING:
    import logging

__all__ = ["ModelClientFactory", "Ports", "create_app"]

ModelClientFactory = Callable[[Settings, "ClientDependencies"], ModelClient]


@dataclass(frozen=True)
class ClientDependencies:
    """What a model client may use: connections, the HTTP clients of users, the clock, unique ids and the log."""

    connections: Connections
    sessions: Sessions
    clock: Clock
    ids: Callable[[], str]
    log: logging.Logger


def _direct(dialect: Dialect) -> ModelClientFactory:
    return lambda _, dependencies: DirectClient(dialect, dependencies.connections, dependencies.clock)


def _default_clients() -> Mapping[str, ModelClientFactory]:
    """The visible table of model clients: key of a target to factory."""
    return {
        **{kind.client: _direct(dialect) for dialect, kind in DIRECT.items()},
        "litellm_sdk": lambda settings, dependencies: LiteLLMClient(
            dependencies.clock,
            drop_params=settings.drop_params,
            clients=SdkClients(dependencies.sessions, settings.max_answer_bytes),
        ),
        "forward": lambda settings, dependencies: ForwardClient(settings, dependencies.connections, dependencies.clock),
        "codex_agent": lambda settings, dependencies: CodexAgentClient(settings, dependencies.clock),
        "scripted": lambda _, dependencies: ScriptedClient(dependencies.clock, dependencies.ids),
    }


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Everything from outside, as factories. Tests and embedders replace single ones.

    model_clients: factories by client key; they are merged over the built-in ones.
    tool_invoker: makes the tools of a run; None for the built-in backends.
    retriever: makes the client of the memory service from its section of the file and the HTTP clients of users.
    http_connector: opens the connections that all HTTP clients share, on the app's loop.
    resolve: finds the addresses of hosts that clients and MCP servers name. log: builds the logger.
    """

    model_clients: Mapping[str, ModelClientFactory] = field(default_factory=dict)
    tool_invoker: ToolInvokerFactory | None = None
    http_connector: HttpConnectorFactory = open_http_connector
    resolve: Resolver = system_resolver
    retriever: RetrieverFactory = open_supermemory
    clock: Clock = SYSTEM_CLOCK
    ids: Callable[[], str] = field(default_factory=id_source)
    log: Callable[[str, Redactor], logging.Logger] = new_logger


class _Closable(Protocol):
    async def aclose(self) -> None: ...


async def _not_found(scope: Scope, _receive: Receive, _send: Send) -> None:
    raise route_not_found(scope["path"])


def create_app(settings: Settings | None = None, ports: Ports | None = None) -> Edge:
    """Build the gateway.

    settings: read from the environment and `mini_agent.yaml` when not given. ports: replacements for the outside.
    Returns: the ASGI application.
    Raises: ConfigError.
    """
    if settings is None:
        settings = load_settings(os.environ)
    if ports is None:
        ports = Ports()
    refuse_unsafe(settings)
    redactor = Redactor(settings.secrets())
    log = ports.log(settings.log_level, redactor)
    for line in settings.ignored:
        log.warning(line)
    sessions = Sessions(ports.clock, ports.http_connector)
    metrics, registry, toolbox = Metrics(), Registry(settings), Toolbox(settings, ports.resolve, ports.clock, log)
    connections = Connections(
        sessions,
        limit=settings.pool_connections,
        wait_s=settings.pool_s,
        write_s=settings.write_s,
        answer_bytes=settings.max_answer_bytes,
    )
    dependencies = ClientDependencies(connections, sessions, ports.clock, ports.ids, log)
    runs = AgentRuns(
        _clients(settings, ports, dependencies),
        ports.tool_invoker or toolbox.open,
        ports.clock,
        lambda name, target, error: metrics.provider_error(name, target.group, error.code),
    )
    runs.clients.add_missing("mini_agent", MiniAgentClient(settings, registry, runs, clock=ports.clock, ids=ports.ids))
    chat = ModelServices(
        settings=settings,
        guard=KeyGuard(settings.master_key),
        reader=BodyReader(settings.max_body_bytes, settings.body_idle_s, settings.body_total_s),
        callers=Callers(settings),
        recall=_recall(settings, ports, sessions, log),
        chat_tools=ChatTools(settings, sessions, toolbox.mcp_for_chat),
        registry=registry,
        clients=runs.clients,
        echo=ScriptedClient(ports.clock, ports.ids, reply=lambda _: settings.shim_reply, prefix="shim"),
        errors=ErrorWriter(redactor, debug=settings.debug),
        metrics=metrics,
        clock=ports.clock,
        log=log,
    )
    traces = TraceStore(settings, redactor, ports.clock, log, metrics.traces_dropped.inc)
    agent = AgentServices(chat=chat, runs=runs, traces=traces)
    info = RoutingInfoRoute(chat.callers, chat.guard, sessions, redactor, protected=settings.protect_routing_info)
    unowned = _unowned(chat, connections)
    return _serve(agent, info, unowned, [traces, toolbox, *chat.clients, sessions], ports)


def _unowned(chat: ModelServices, connections: Connections) -> ASGIApp:
    """Build what answers for paths without a route: the relay in forward mode, a 404 otherwise."""
    settings, general = chat.settings, chat.settings.general
    if settings.provider_mode != "forward":
        return _not_found
    if settings.memory_routing and not (general is not None and general.forward_client_headers_to_llm_api):
        # The user's header reaches the provider only if the external process is configured to pass headers on.
        chat.log.warning(
            "the external LiteLLM process drops x-sm-user-id: set general_settings.forward_client_headers_to_llm_api"
        )
    return RelayRoute(chat, Relay(settings, connections, chat.clock))


def _recall(settings: Settings, ports: Ports, sessions: Sessions, log: logging.Logger) -> Recall | None:
    """Build retrieval where it is on."""
    options = settings.config.context_retrieval
    if not (options.enabled and settings.memory_routing):
        return None
    return Recall(options, ports.retriever(options, sessions), ports.clock, log)


def _clients(settings: Settings, ports: Ports, dependencies: ClientDependencies) -> Clients:
    """Build every model client but the agent, which asks the others."""
    factories = {**_default_clients(), **ports.model_clients}
    interpreter = Interpreter(ports.clock, ports.ids, drop_unknown=settings.drop_params)
    return Clients({key: factory(settings, dependencies) for key, factory in factories.items()}, interpreter)


def _serve(
    agent: AgentServices, info: RoutingInfoRoute, unowned: ASGIApp, closables: Sequence[_Closable], ports: Ports
) -> Edge:
    """Put routes, lifespan and the outermost layer around the services.

    unowned: answers for every path without a route. closables: closed in order at the end.
    """
    chat = agent.chat
    routes = _routes(agent, info, ports.clock.time())

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncGenerator[None, None]:
        yield
        for closable in closables:
            await closable.aclose()

    return Edge(
        Router(routes, default=unowned, redirect_slashes=False, lifespan=lifespan),
        endpoints={(method, route.path): route.app for route in routes for method in route.methods or ()},
        guard=RequestGuard(_door(chat.settings)),
        max_requests=chat.settings.max_requests,
        errors=chat.errors,
        metrics=chat.metrics,
        clock=ports.clock,
        ids=ports.ids,
        log=chat.log,
    )


def _door(settings: Settings) -> DoorRules:
    """Returns: who may ask at all."""
    return DoorRules(
        bound=settings.host,
        hosts=settings.allowed_hosts,
        origins=settings.allowed_origins,
        may_be_open=settings.may_be_open,
    )


def _routes(agent: AgentServices, info: RoutingInfoRoute, started_at: float) -> list[Route]:
    """The visible table of routes, most used first."""
    chat = agent.chat
    steps = build_steps(chat)
    chat_route = ModelRoute(steps, Dialect.CHAT)
    return [
        Route("/v1/chat/completions", chat_route, methods=["POST"]),
        Route("/chat/completions", chat_route, methods=["POST"]),
        Route("/v1/messages", ModelRoute(steps, Dialect.MESSAGES), methods=["POST"]),
        Route("/v1/responses", ModelRoute(steps, Dialect.RESPONSES), methods=["POST"]),
        Route("/agent/run", AgentRoute(agent), methods=["POST"]),
        Route("/ready", ReadyRoute(), methods=["GET"]),
        Route("/healthz", HealthRoute(chat.settings, started_at), methods=["GET"]),
        Route("/v1/models", ModelsRoute(chat.settings, chat.guard, started_at), methods=["GET"]),
        Route("/memory-routing/info", info, methods=["GET"]),
        Route("/", RootRoute(), methods=["HEAD"]),
        Route("/metrics", MetricsRoute(chat.metrics), methods=["GET"]),
        Route("/openapi.json", OpenApiRoute(relays=chat.settings.provider_mode == "forward"), methods=["GET"]),
    ]
