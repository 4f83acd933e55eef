"""What nd tests share: the gateway that the lane started, at the one base."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import pytest

from support.http_client import HttpClient


@pytest.fixture(scope="session")
def gateway() -> HttpClient:
    """A client of the gateway that the harness started and proved to be its own."""
    base = urlsplit(os.environ["MINI_AGENT_API_BASE"])
    assert base.hostname
    assert base.port
    return HttpClient(base.hostname, base.port)
