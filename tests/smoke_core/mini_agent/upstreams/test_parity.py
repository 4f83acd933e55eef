"""One configuration, two modes: the same requests in process and through an external LiteLLM process, compared.

The external process is a loopback one that behaves as LiteLLM does; `tests/smoke_nd` runs the same suite with LiteLLM.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import yaml

from mini_agent.settings.references import resolve_references
from support.gateway import Stage
from support.http_client import HttpClient
from support.parity.litellm_process import LiteLLMProcess
from support.parity.provider import Provider
from support.parity.suite import CASES, Case
from support.parity.world import CONFIG, World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The provider, the external process, and a gateway in each mode, all of one file."""
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    with Stage(tmp_path_factory.mktemp("parity")) as stage:
        root = stage.serve(Provider().app())
        environ = {"PARITY_ROOT": root, "PARITY_BASE": f"{root}/v1"}
        elsewhere = {"PARITY_NOT_SET": "x", "HEALTHY_BASE": root}
        external = stage.serve(LiteLLMProcess(resolve_references(config, {**environ, **elsewhere})).app())
        forward = {"MINI_AGENT_PROVIDER_MODE": "forward", "MINI_AGENT_FORWARD_URL": external}
        gateways = {"sdk": stage.gateway(config, environ), "forward": stage.gateway(config, {**environ, **forward})}
        provider = urlsplit(root)
        assert provider.hostname
        assert provider.port
        yield World(gateways, HttpClient(provider.hostname, provider.port))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_both_modes_answer_and_ask_the_same(world: World, case: Case) -> None:
    """User, model ids, errors, OpenAI keys, injected headers, context, framing and number of requests are equal."""
    sdk, forward = (world.facts(case, mode) for mode in ("sdk", "forward"))
    assert forward.answer == sdk.answer
    assert forward.asked == sdk.asked
