"""The gateway that the core lane starts for itself, inside its own network."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import pytest

from support.http_client import HttpClient


@pytest.fixture
def gateway() -> HttpClient:
    """A client of the lane's gateway."""
    base = urlsplit(os.environ["MINI_AGENT_API_BASE"])
    return HttpClient(base.hostname or "", base.port or 0)


def test_it_is_ready_at_the_one_base(gateway: HttpClient) -> None:
    """The supervised process answers at the address that every variable names, on a port that it chose itself."""
    assert gateway.get("/ready").json() == {"ok": True}
    assert gateway.get("/healthz").json()["port"] == gateway.port
    assert os.environ["CODEX_AGENT_API_BASE"] == os.environ["MINI_AGENT_API_BASE"]


def test_it_answers_without_a_key_or_a_network(gateway: HttpClient) -> None:
    """A scripted model answers the same every time, and says that it is scripted."""
    reply = gateway.chat("what is the capital of France?", model="dummy")
    assert (reply.status, reply.text) == (200, "Paris")
    assert reply.headers["x-mini-agent-provider"] == "scripted"
