"""Options from environment variables: the first of an option's names that is set counts, and a blank one is not set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mini_agent.core.errors import ConfigError


def read_variables(
    options: Iterable[tuple[str, Sequence[str], Callable[[str], Any]]], environ: Mapping[str, str]
) -> dict[str, Any]:
    """Read options.

    options: of each the key, its variables and its parser.
    Returns: the values of those that are set, by key. Raises: ConfigError with every malformed variable, one per line.
    """
    found: dict[str, Any] = {}
    problems: list[str] = []
    for key, names, parse in options:
        name = next((name for name in names if environ.get(name, "").strip()), None)
        if name is None:
            continue
        try:
            found[key] = parse(environ[name])
        except ValueError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise ConfigError("\n".join(problems))
    return found
