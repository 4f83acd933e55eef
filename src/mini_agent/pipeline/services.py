"""What the steps work with, built once for an app."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from mini_agent.core.ports import Clock
from mini_agent.edge.body import BodyReader
from mini_agent.edge.envelope import ErrorWriter
from mini_agent.edge.keys import KeyGuard
from mini_agent.edge.metrics import Metrics
from mini_agent.memory.recall import Recall
from mini_agent.pipeline.caller import Callers
from mini_agent.settings import Settings
from mini_agent.tools.chat_tools import ChatTools
from mini_agent.upstreams.protocol import ModelClient
from mini_agent.upstreams.registry import Registry
from mini_agent.upstreams.table import Clients

__all__ = ["ModelServices"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelServices:
    """Everything between a request and its answer.

    echo: answers for all models in shim mode `echo`. recall: None unless memory is retrieved.
    """

    settings: Settings
    guard: KeyGuard
    reader: BodyReader
    callers: Callers
    recall: Recall | None
    chat_tools: ChatTools
    registry: Registry
    clients: Clients
    echo: ModelClient
    errors: ErrorWriter
    metrics: Metrics
    clock: Clock
    log: logging.Logger
