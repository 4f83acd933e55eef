"""Fixtures of the gateway's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.gateway import Gateway, Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A provider on loopback, and gateways on request."""
    with Stage(tmp_path) as stage:
        yield stage


@pytest.fixture
def gateway(stage: Stage) -> Gateway:
    """A gateway with one group, `m1`, at the stage's provider."""
    return stage.gateway()
