"""Databases of each kind, and tiny projects with lanes of their own, made as the core lane makes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from smoke_proof.greenlane.conftest import environments, make_tiny, tiny, warm, wheelhouse
from support.postgres import binaries, postgres

__all__ = ["environments", "make_tiny", "tiny", "warm", "wheelhouse"]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/history.sqlite"
        return
    programs = binaries()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed under /usr/lib/postgresql")
    with postgres(programs) as address:
        yield address
