"""What the declaration of a live provider must keep to."""

from __future__ import annotations

import re
from collections.abc import Iterable

from greenlane.config.lanes import Provider
from greenlane.config.schema import Configuration

KINDS = ("model", "memory")
MOST_TOKENS, MOST_SECONDS, MOST_CALLS = 1024, 300.0, 20
"""What one provider may cost a run at most, whatever its entry says."""

_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def problems(configuration: Configuration) -> Iterable[str]:
    """Yield every problem of the providers, as `<key path>: <what is wrong, what is allowed>`."""
    for name, provider in configuration.providers.items():
        yield from _problems(f"providers.{name}", provider)


def _problems(path: str, provider: Provider) -> Iterable[str]:
    """Yield the problems of one provider."""
    if provider.kind not in KINDS:
        yield f"{path}.kind: {provider.kind!r} is not one of {', '.join(KINDS)}"
    if provider.host and not _HOST.fullmatch(provider.host):
        yield f"{path}.host: {provider.host!r} is not the name of a host, such as api.example.com"
    for key, names in (("secrets", provider.secrets), ("variables", provider.variables)):
        for name in names:
            if not _VARIABLE.fullmatch(name):
                yield f"{path}.{key}: {name!r} is not the name of a variable"
    for name in set(provider.secrets) & set(provider.variables):
        yield f"{path}.variables: {name} is a secret"
    if not 0 < provider.tokens <= MOST_TOKENS:
        yield f"{path}.tokens: {provider.tokens} is not between 1 and {MOST_TOKENS}"
    if not 0 < provider.seconds <= MOST_SECONDS:
        yield f"{path}.seconds: {provider.seconds:g} is not between 0 and {MOST_SECONDS:g}"
    if not 0 < provider.calls <= MOST_CALLS:
        yield f"{path}.calls: {provider.calls} is not between 1 and {MOST_CALLS}"
