"""What the documentation says of the interceptor's variables."""

from __future__ import annotations

from pathlib import Path

from mini_agent.interceptor.settings import VARIABLES


def test_every_variable_is_documented() -> None:
    """docs/configuration.md names each variable that the interceptor reads."""
    text = (Path(__file__).parents[4] / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert [name for name in VARIABLES if f"`{name}`" not in text] == []
