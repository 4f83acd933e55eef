"""Which words in an environment variable mean yes, and which mean no."""

from __future__ import annotations

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})


FALSE_WORDS = frozenset({"", "0", "false", "no", "off"})


def neither(value: str | None) -> bool:
    """Return whether an environment value means neither yes nor no."""
    return (value or "").strip().lower() not in TRUE_WORDS | FALSE_WORDS


def truthy(value: str | None) -> bool:
    """Return whether an environment value means yes: `1`, `true`, `yes` or `on` in any case."""
    return (value or "").strip().lower() in TRUE_WORDS
