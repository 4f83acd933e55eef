"""What tests of the history share."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from greenlane.history.database import connect
from support.remembered import Remembering


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    """A new SQLite history."""
    return connect(f"sqlite:///{tmp_path}/history.sqlite")


@pytest.fixture
def project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Remembering:
    """A project with a history."""
    return Remembering(tmp_path, capsys)
