"""The gateway stays readable: modules, functions and imports have an end, and no global changes."""

from __future__ import annotations

from support.house import complaints, modules


def test_the_gateway_keeps_the_rules() -> None:
    """No module, function or list of imports is longer than the rule says, and nothing changes a global."""
    sources = dict(modules("mini_agent"))
    assert "src/mini_agent/app.py" in sources
    assert [line for name, source in sources.items() for line in complaints(source, name)] == []
