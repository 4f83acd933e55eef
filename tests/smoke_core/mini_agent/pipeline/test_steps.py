"""The order of the pipeline, and that what is not switched on is no part of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mini_agent.core.logs import new_logger
from mini_agent.core.redaction import Redactor
from mini_agent.dialects import Dialect
from mini_agent.memory.recall import open_recall
from mini_agent.net.connections import Connections
from mini_agent.net.sessions import Sessions
from mini_agent.pipeline.services import ModelServices
from mini_agent.pipeline.steps import build_steps
from mini_agent.ports import Ports
from mini_agent.settings import load_settings
from mini_agent.tools.backends import Toolbox
from mini_agent.upstreams.clients import ClientDependencies, build_clients
from mini_agent.upstreams.endpoints import EndpointClients

MEMORY = {"context_retrieval": {"enabled": True, "api_key": "k"}}
TOOLS = {"tool_execution": {"supermemory_api_key": "k"}}
ALL = ["Admit", "User", "Remember", "OfferTools", "Keep", "Call"]


def steps_of(folder: Path, root: dict[str, Any], **environ: str) -> list[str]:
    """Returns: the names of the steps that a gateway with this file has."""
    (folder / "mini_agent.yaml").write_text(json.dumps(root or {"model_list": []}), encoding="utf-8")
    settings, ports, redactor = load_settings(environ, folder=folder), Ports(), Redactor()
    sessions, log = Sessions(ports.clock), new_logger("error", redactor)
    needs = ClientDependencies(Connections(settings, sessions), sessions, ports.clock, ports.ids)
    services = ModelServices(
        settings=settings,
        clients=build_clients(settings, needs, {}),
        endpoints=EndpointClients(settings, needs),
        toolbox=Toolbox(settings, ports.resolve, ports.clock, log),
        sessions=sessions,
        recall=open_recall(settings, ports.retriever, sessions, ports.clock, log),
        store=ports.store(settings, ports.clock),
        redactor=redactor,
        clock=ports.clock,
        log=log,
    )
    return [type(step).__name__ for step in build_steps(services, Dialect.CHAT)]


@pytest.mark.parametrize(
    ("root", "absent"),
    [
        ({**MEMORY, **TOOLS}, []),
        (MEMORY, ["OfferTools"]),
        (TOOLS, ["Remember"]),
        ({}, ["Remember", "OfferTools"]),
        ({"tool_execution": {"enabled": False, "supermemory_api_key": "k"}}, ["Remember", "OfferTools"]),
    ],
)
def test_a_step_that_is_switched_off_is_not_there(tmp_path: Path, root: dict[str, Any], absent: list[str]) -> None:
    """Admit, user, memory, tools, call: always in this order, and only those that can do anything."""
    assert steps_of(tmp_path, root) == [name for name in ALL if name not in absent]


def test_without_memory_routing_nothing_is_recalled(tmp_path: Path) -> None:
    """The switch of the environment takes the step out, whatever the file says."""
    assert "Remember" not in steps_of(tmp_path, MEMORY, MINI_AGENT_MEMORY_ROUTING="0")
