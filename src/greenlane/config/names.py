"""The names that can be expected, asked for or chosen, and what each means: its own name or an alias."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence

from greenlane.config.schema import Configuration
from greenlane.config.services import gated_services
from greenlane.errors import ConfigError


def proper_names(configuration: Configuration) -> tuple[str, ...]:
    """Return every check: lanes, shards of lanes as `lane/shard`, providers, services that a lane can do without."""
    shards = [f"{name}/{shard}" for name, lane in configuration.lanes.items() for shard in lane.shards]
    return (*configuration.lanes, *shards, *configuration.providers, *gated_services(configuration))


def aliases(configuration: Configuration) -> dict[str, tuple[str, ...]]:
    """Return the checks that each alias means; an alias that several declare means all of them."""
    found: dict[str, list[str]] = {}
    for alias, name in _declared(configuration):
        found.setdefault(alias, []).append(name)
    return {alias: tuple(dict.fromkeys(names)) for alias, names in found.items()}


def _declared(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Yield each alias with what declares it."""
    for name, lane in configuration.lanes.items():
        yield from ((alias, name) for alias in lane.aliases)
        for shard, words in lane.shard_aliases.items():
            yield from ((alias, f"{name}/{shard}") for alias in words)
    for name, provider in configuration.providers.items():
        yield from ((alias, name) for alias in provider.aliases)
    for name, service in configuration.services.items():
        yield from ((alias, name) for alias in service.aliases)


def canonical(configuration: Configuration, words: Iterable[str], where: str) -> tuple[str, ...]:
    """Return the checks that names and aliases mean, each once.

    Args:
        where: the variable or key that holds the words, for the message.

    Raises:
        ConfigError: a word is no name of a check; the message proposes the nearest one and lists all.
    """
    names, others = proper_names(configuration), aliases(configuration)
    chosen = tuple(words)
    unknown = [word for word in chosen if word not in names and word not in others]
    if unknown:
        listed = ", ".join(map(repr, unknown))
        known = (*names, *others)
        raise ConfigError(f"{where}: unknown name {listed}{nearest(unknown[0], known)}; known: {', '.join(known)}")
    return tuple(dict.fromkeys(name for word in chosen for name in others.get(word, (word,))))


def nearest(word: str, known: Sequence[str]) -> str:
    """Return ` (did you mean 'core'?)` for the known name that is nearest to a word; empty when none is near."""
    near = difflib.get_close_matches(word, known, 1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def problems(configuration: Configuration) -> Iterator[str]:
    """Yield every problem of the aliases, as `<key path>: <what is wrong, what is allowed>`."""
    names = {*proper_names(configuration), *configuration.policies}
    gated = gated_services(configuration)
    for alias, name in _declared(configuration):
        if not alias.strip() or "," in alias or alias != alias.strip():
            yield f"aliases of {name}: {alias!r} is not a name; lists of names are separated by commas"
        elif alias in names:
            yield f"aliases of {name}: {alias!r} is the name of something else"
        elif name in configuration.services and name not in gated:
            yield f"services.{name}.aliases: only a service with `when`, `optional` or `probe` can be expected by name"
    for name, lane in configuration.lanes.items():
        for shard in lane.shard_aliases:
            if shard not in lane.shards:
                problem = f"unknown shard {shard!r}{nearest(shard, lane.shards)}"
                yield f"lanes.{name}.shard_aliases: {problem}; known: {', '.join(lane.shards) or 'none'}"
