"""`create_app`: the only place where the parts meet. Nothing happens at import."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from starlette.routing import Router

from mini_agent.api.agent_services import AgentServices, build_agent
from mini_agent.api.relay import unowned
from mini_agent.api.routes import build_routes
from mini_agent.core.redaction import Redactor
from mini_agent.edge.middleware import Edge
from mini_agent.memory.recall import open_recall
from mini_agent.net.connections import Connections
from mini_agent.net.sessions import Sessions
from mini_agent.pipeline.services import ModelServices
from mini_agent.ports import Ports
from mini_agent.settings import Settings, load_settings, refuse_unsafe
from mini_agent.tools.backends import Toolbox
from mini_agent.upstreams.clients import ClientDependencies, build_clients
from mini_agent.upstreams.endpoints import EndpointClients

__all__ = ["Ports", "create_app"]


class _Closable(Protocol):
    async def aclose(self) -> None: ...


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
    connections = Connections(settings, sessions)
    toolbox = Toolbox(settings, ports.resolve, ports.clock, log)
    needs = ClientDependencies(connections, sessions, ports.clock, ports.ids)
    services = ModelServices(
        settings=settings,
        clients=build_clients(settings, needs, ports.model_clients),
        endpoints=EndpointClients(settings, needs),
        toolbox=toolbox,
        sessions=sessions,
        recall=open_recall(settings, ports.retriever, sessions, ports.clock, log),
        store=ports.store(settings, ports.clock),
        redactor=redactor,
        clock=ports.clock,
        log=log,
    )
    agent = build_agent(services, ports.tool_invoker or toolbox.open, ports.ids)
    return _serve(agent, connections, [services.background, agent.traces, toolbox, *services.clients, sessions], ports)


def _serve(agent: AgentServices, connections: Connections, closables: Sequence[_Closable], ports: Ports) -> Edge:
    """Put routes, lifespan and the outermost layer around the services. closables: closed in order at the end."""
    services = agent.chat
    routes = build_routes(agent, ports.clock.time())

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncGenerator[None, None]:
        yield
        for closable in closables:
            await closable.aclose()

    return Edge(
        Router(routes, default=unowned(services, connections), redirect_slashes=False, lifespan=lifespan),
        services.settings,
        endpoints={(method, route.path_format): route.app for route in routes for method in route.methods or ()},
        errors=services.errors,
        metrics=services.metrics,
        clock=ports.clock,
        ids=ports.ids,
        log=services.log,
    )
