"""Options that a record declares at its fields, read from environment variables.

The first of an option's names that is set counts, and a blank one is not set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from typing import Any

from mini_agent.core.errors import ConfigError
from mini_agent.settings import parsers

#: What reads an option whose default is of this type, unless it says something else.
_PARSERS: Mapping[type, Callable[[str], Any]] = {
    bool: parsers.boolean,
    int: parsers.whole(),
    float: parsers.number,
}


def option(
    default: Any, *names: str, means: str, parse: Callable[[str], Any] | None = None, secret: bool = False
) -> Any:
    """Declare a field of a dataclass. names: its variables; means: what it is, for people."""
    read = parse or _PARSERS.get(type(default), parsers.text)
    declared = {"names": names, "means": means, "parse": read, "secret": secret}
    return field(default=default, metadata=declared, repr=not secret)


def hosts_option() -> Any:
    """Declare who the gateway or the interceptor may be called, beyond its address."""
    means = "further names that a request's `Host` may have, separated by commas"
    return option((), "MINI_AGENT_ALLOWED_HOSTS", parse=parsers.hosts, means=means)


def origins_option() -> Any:
    """Declare which web pages may ask the gateway or the interceptor."""
    means = "web pages that may ask, separated by commas"
    return option(frozenset(), "MINI_AGENT_ALLOWED_ORIGINS", parse=parsers.origins, means=means)


def read_variables(record: type, environ: Mapping[str, str]) -> dict[str, Any]:
    """Read the options of a record.

    Returns: the values of those that are set, by field. Raises: ConfigError with every malformed variable, a line each.
    """
    found: dict[str, Any] = {}
    problems: list[str] = []
    for declared in fields(record):
        names = declared.metadata.get("names", ())
        name = next((name for name in names if environ.get(name, "").strip()), None)
        if name is None:
            continue
        try:
            found[declared.name] = declared.metadata["parse"](environ[name])
        except ValueError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise ConfigError("\n".join(problems))
    return found
