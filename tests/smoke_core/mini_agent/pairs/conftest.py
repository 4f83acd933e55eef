"""A provider that speaks every dialect, and a gateway in each mode between it and callers of every dialect."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.dialect_world import DialectWorld
from support.gateway import Stage


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DialectWorld]:
    """One world for a module: its gateways keep nothing of a request."""
    with Stage(tmp_path_factory.mktemp("pairs")) as stage:
        yield DialectWorld(stage)
