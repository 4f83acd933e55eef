"""What every deterministic test needs."""

from __future__ import annotations

import pytest

from support.properties import use_hypothesis


def pytest_configure(config: pytest.Config) -> None:
    """Give properties the same examples in every run."""
    use_hypothesis(config)
