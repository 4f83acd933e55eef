"""What the steps work with, built once for an app."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from mini_agent.core.chat import ModelTarget
from mini_agent.core.ports import Clock
from mini_agent.core.redaction import Redactor
from mini_agent.edge.body import BodyReader
from mini_agent.edge.envelope import ErrorWriter, Told, translate
from mini_agent.edge.keys import KeyGuard
from mini_agent.edge.metrics import Metrics
from mini_agent.memory.recall import Recall
from mini_agent.net.sessions import Sessions
from mini_agent.pipeline.caller import Callers
from mini_agent.settings import Settings
from mini_agent.stored.store import Bounds, Store
from mini_agent.stored.tasks import BackgroundTasks
from mini_agent.tools.backends import Toolbox
from mini_agent.tools.chat_tools import ChatTools
from mini_agent.upstreams.clients import ECHO, Clients
from mini_agent.upstreams.endpoints import EndpointClients
from mini_agent.upstreams.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelServices:
    """Everything between a request and its answer. recall: None unless memory is retrieved."""

    settings: Settings
    guard: KeyGuard
    reader: BodyReader
    callers: Callers
    recall: Recall | None
    chat_tools: ChatTools
    registry: Registry
    clients: Clients
    endpoints: EndpointClients
    errors: ErrorWriter
    metrics: Metrics
    sessions: Sessions
    store: Store
    background: BackgroundTasks
    redactor: Redactor
    clock: Clock
    log: logging.Logger

    def target(self, model: str) -> ModelTarget:
        """Returns: who answers for a model: in shim mode `echo` a script for all. Raises: GatewayError."""
        if self.settings.shim_mode == "echo":
            return ModelTarget(model=model, client=ECHO)
        return self.registry.resolve(model)

    def tell(self, what: str, error: Exception, request_id: str) -> Told:
        """Log a failure that no status can tell of any more. Returns: it, as a client reads it."""
        failure = translate(error)
        facts = {"request_id": request_id, "code": failure.code}
        self.log.warning(what, extra={"facts": facts}, exc_info=error if failure is not error else None)
        return Told(self.errors.envelope(failure, request_id), failure.status, failure.code)


def build_services(
    settings: Settings,
    clients: Clients,
    endpoints: EndpointClients,
    toolbox: Toolbox,
    sessions: Sessions,
    *,
    recall: Recall | None,
    store: Store,
    redactor: Redactor,
    clock: Clock,
    log: logging.Logger,
) -> ModelServices:
    """Build what the steps work with."""
    return ModelServices(
        settings=settings,
        guard=KeyGuard(settings.master_key),
        reader=BodyReader(settings.max_body_bytes, settings.body_idle_s, settings.body_total_s),
        callers=Callers(settings),
        recall=recall,
        chat_tools=ChatTools(settings, sessions, toolbox.mcp_for_chat),
        registry=Registry(settings),
        clients=clients,
        endpoints=endpoints,
        errors=ErrorWriter(redactor, debug=settings.debug),
        metrics=Metrics(),
        sessions=sessions,
        store=store,
        background=BackgroundTasks(_bounds_of_tasks(settings)),
        redactor=redactor,
        clock=clock,
        log=log,
    )


def _bounds_of_tasks(settings: Settings) -> Bounds:
    """Returns: as much as may be kept, and no more at once than requests that somebody waits for."""
    bounds = Bounds.of(settings)
    return replace(bounds, entries=min(bounds.entries, settings.max_requests))
