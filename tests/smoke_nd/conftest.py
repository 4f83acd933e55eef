"""What nd tests share: the gateway that the lane started, at the one base."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from greenlane.plugin.answers import Show
from support.gateway import GatewayProcess
from support.http_client import HttpClient
from support.loop_thread import LoopThread
from support.real_model import GROUP, RealModel
from support.upstream import Upstream

MASTER = "sk-master-of-this-test"
MODEL_S = 150.0
"""Seconds that a real model may take for an answer: on a busy machine it is fifty times as slow as on a quiet one."""


@pytest.fixture(scope="session")
def gateway() -> HttpClient:
    """A client of the gateway that the harness started and proved to be its own."""
    base = urlsplit(os.environ["MINI_AGENT_API_BASE"])
    assert base.hostname
    assert base.port
    return HttpClient(base.hostname, base.port)


@pytest.fixture(scope="session")
def group() -> str:
    """Name of the model that the lane's gateway has: the real one with ND_REAL, otherwise a scripted one."""
    return GROUP if "ND_MODEL" in os.environ else "dummy"


@pytest.fixture
def model(gateway: HttpClient, answered: Show) -> RealModel:
    """The real model behind the lane's gateway; what it answers is shown as evidence."""
    patient = HttpClient(gateway.host, gateway.port)
    patient.patience_s = MODEL_S
    return RealModel(patient, os.environ["ND_MODEL_BASE"], answered)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A provider on loopback."""
    with LoopThread() as loop, Upstream(loop) as provider:
        yield provider


@pytest.fixture
def served(upstream: Upstream, tmp_path: Path) -> Iterator[GatewayProcess]:
    """`mini-agent serve` in block mode, with a master key and one group at the provider."""
    entry = {
        "model_name": "m1",
        "litellm_params": {"model": "openai/up", "api_key": "os.environ/UP_KEY", "api_base": upstream.base},
    }
    config = tmp_path / "mini_agent.yaml"
    config.write_text(json.dumps({"general_settings": {"master_key": MASTER}, "model_list": [entry]}))
    environ = {"UP_KEY": "sk-upstream-key", "MINI_AGENT_OPENAI_SHIM_MODE": "block", "MINI_AGENT_ALLOW_DUMMY": "1"}
    arguments = ("serve", "--port", "0", "--config", str(config))
    with GatewayProcess(*arguments, environ=environ, program="mini-agent") as process:
        process.wait_listening()
        yield process


def authorised() -> dict[str, str]:
    """Return the header of a caller who has the master key."""
    return {"Authorization": f"Bearer {MASTER}"}
