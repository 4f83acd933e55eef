"""What the gateway needs from outside, as one frozen record. Tests replace a port; they never patch a name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mini_agent.core.logs import new_logger
from mini_agent.core.ports import SYSTEM_CLOCK, Clock, id_source
from mini_agent.core.redaction import Redactor
from mini_agent.memory.protocol import RetrieverFactory
from mini_agent.memory.supermemory import open_supermemory
from mini_agent.net.connector import HttpConnectorFactory, open_http_connector
from mini_agent.net.egress import Resolver, system_resolver
from mini_agent.stored.store import StoreFactory, open_memory_store
from mini_agent.tools.backends import ToolInvokerFactory
from mini_agent.upstreams.clients import ModelClientFactory


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Everything from outside, as factories. Tests and embedders replace single ones.

    model_clients: factories by client key; they are merged over the built-in ones.
    tool_invoker: makes the tools of a run; None for the built-in backends.
    retriever: makes the client of the memory service from its section of the file and the HTTP clients of users.
    store: keeps responses and chats for their users.
    http_connector: opens the connections that all HTTP clients share, on the app's loop.
    resolve: finds the addresses of hosts that clients and MCP servers name. log: builds the logger.
    """

    model_clients: Mapping[str, ModelClientFactory] = field(default_factory=dict)
    tool_invoker: ToolInvokerFactory | None = None
    http_connector: HttpConnectorFactory = open_http_connector
    resolve: Resolver = system_resolver
    retriever: RetrieverFactory = open_supermemory
    store: StoreFactory = open_memory_store
    clock: Clock = SYSTEM_CLOCK
    ids: Callable[[], str] = field(default_factory=id_source)
    log: Callable[[str, Redactor], logging.Logger] = new_logger
