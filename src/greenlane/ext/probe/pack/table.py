"""The pack: every check, by capability."""

from __future__ import annotations

from collections.abc import Iterable

from greenlane.ext.probe.pack import (
    agent,
    chance,
    connection,
    embeddings,
    endings,
    errors,
    images,
    load,
    mcp,
    models,
    plain,
    stream,
    structured,
    text,
    tools,
    usage,
)
from greenlane.ext.probe.values import Check, Dialect, Profile

CAPABILITIES = (
    models, plain, stream, usage, endings, tools, structured, images, errors, load, chance, text, connection,
    embeddings, agent, mcp,
)  # fmt: skip

PACK: tuple[Check, ...] = tuple(
    check for capability in CAPABILITIES for check in vars(capability).values() if isinstance(check, Check)
)


def checks_for(dialect: Dialect, profile: Profile) -> tuple[Check, ...]:
    """Return the checks of a dialect that a profile, with those that it contains, asks for."""
    return tuple(check for check in PACK if dialect in check.dialects and check.profile.rank <= profile.rank)


def check_named(dialect: Dialect, name: str) -> Check:
    """Return a check by its name in a dialect."""
    return next(check for check in PACK if check.name == name and dialect in check.dialects)


def names(checks: Iterable[Check]) -> tuple[str, ...]:
    """Return names of checks, each once."""
    return tuple(dict.fromkeys(check.name for check in checks))
