"""What a model client can do is what it declares; its name is for people."""

from __future__ import annotations

import ast
import json
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from mini_agent.app import Ports
from mini_agent.core.chat import ProviderRequest
from mini_agent.upstreams.protocol import Batch, Capabilities
from support.gateway import Gateway, Stage
from support.house import mentioning
from support.memory_service import MEMORY_KEY
from support.upstream import completion

NAMES = {"scripted", "mini_agent", "litellm_sdk", "codex_agent", "openai_http", "anthropic_http", "openai_responses"}


class Oracle:
    """Answers from nowhere, under a name that nobody knows."""

    name = "oracle"

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self.requests: list[ProviderRequest] = []

    async def complete(self, request: ProviderRequest) -> bytes:
        """Answer."""
        self.requests.append(request)
        return json.dumps(completion("forty-two")).encode()

    async def stream(self, _request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Not used."""
        yield []

    async def aclose(self) -> None:
        """Nothing."""


def gateway(stage: Stage, oracle: Oracle) -> Gateway:
    """Returns: a gateway with memory and tools of its own, whose only model is the oracle."""
    root = {
        "model_list": [stage.entry()],
        "context_retrieval": {"enabled": True, "api_key": MEMORY_KEY, "base_url": stage.upstream.base},
    }
    return stage.gateway(root, ports=replace(Ports(), model_clients={"openai_http": lambda _settings, _needs: oracle}))


@pytest.mark.parametrize("simulated", [True, False])
def test_a_client_that_says_that_it_is_a_script_is_treated_as_one(stage: Stage, simulated: bool) -> None:
    """Its runs count as simulated, and nothing is retrieved for it; without the word neither is so."""
    oracle = Oracle(Capabilities(simulated=simulated))
    served = gateway(stage, oracle)
    body = {"model": "m1", "messages": [{"role": "user", "content": "x"}], "tool_backend": "echo"}
    reply = served.post("/agent/run", body)
    assert (reply.headers["x-mini-agent-provider"], reply.json()["metrics"]["simulated"]) == ("oracle", simulated)
    assert bool(stage.upstream.requests) is not simulated


@pytest.mark.parametrize("passes", [True, False])
def test_unknown_parameters_reach_a_client_that_passes_them_on(stage: Stage, passes: bool) -> None:
    """`passes_unknown` decides, and the answer names what was dropped."""
    oracle = Oracle(Capabilities(passes_unknown=passes))
    reply = gateway(stage, oracle).chat(of_tomorrow=1)
    assert ("of_tomorrow" in oracle.requests[0].body) is passes
    assert ("of_tomorrow" in reply.headers.get("x-mini-agent-dropped", "")) is not passes


def test_nobody_compares_the_name_of_a_client() -> None:
    """No comparison in the source has such a name in it."""
    compared = {
        (name, node.lineno)
        for name, tree in mentioning("mini_agent", rf"""["']({"|".join(NAMES)})["']""")
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and NAMES
        & {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    }
    assert compared == set()
