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


@dataclass(kw_only=True)
class ModelServices:
    """Everything between a request and its answer. recall: None unless memory is retrieved."""

    settings: Settings
    clients: Clients
    endpoints: EndpointClients
    toolbox: Toolbox
    sessions: Sessions
    recall: Recall | None
    store: Store
    redactor: Redactor
    clock: Clock
    log: logging.Logger

    def __post_init__(self) -> None:
        """Build what needs no more than the settings."""
        settings = self.settings
        self.guard = KeyGuard(settings.master_key)
        self.reader = BodyReader(settings.max_body_bytes, settings.body_idle_s, settings.body_total_s)
        self.callers = Callers(settings)
        self.chat_tools = ChatTools(settings, self.sessions, self.toolbox.mcp_for_chat)
        self.registry = Registry(settings)
        self.errors = ErrorWriter(self.redactor, debug=settings.debug)
        self.metrics = Metrics()
        self.background = BackgroundTasks(_bounds_of_tasks(settings))

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


def _bounds_of_tasks(settings: Settings) -> Bounds:
    """Returns: as much as may be kept, and no more at once than requests that somebody waits for."""
    bounds = Bounds.of(settings)
    return replace(bounds, entries=min(bounds.entries, settings.max_requests))
