"""Which services a lane or shard starts, and why it does without the others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from greenlane.config.lanes import Lane, Service
from greenlane.config.schema import Configuration
from greenlane.config.variables import truthy
from greenlane.util.exposition import selector

PLACEHOLDERS = ("{base}", "{model}", "{program}")
"""What is filled in in `gives`, when the service has started."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def services_here(configuration: Configuration, lane: Lane, shard: str) -> dict[str, Service]:
    """Return the services that a shard may start, in the order in which the lane names them.

    Args:
        shard: name of the shard; empty for a lane that is run whole, which starts the services of every shard.
    """
    declared = {name: configuration.services[name] for name in lane.services}
    return {name: s for name, s in declared.items() if not shard or not s.shards or shard in s.shards}


def switched_off(service: Service, environ: Mapping[str, str]) -> str:
    """Return why nobody wants a service to be started; empty when its switch is on or it has none."""
    return f"{service.when} is not 1" if service.when and not truthy(environ.get(service.when)) else ""


def absence_line(name: str, service: Service, reason: str) -> str:
    """Return the one loud line of a service that a lane does without, `SKIP model: ND_REAL is not 1`."""
    scripted = "; no model is met, answers are echoed or scripted" if service.models else ""
    return f"SKIP {name}: {reason}{scripted}"


def gated_services(configuration: Configuration) -> dict[str, tuple[str, ...]]:
    """Return the lanes that use each service which is a check of its own: one that a lane can do without."""
    lanes = configuration.lanes.values()
    users = {name: tuple(lane.name for lane in lanes if name in lane.services) for name in configuration.services}
    return {name: users[name] for name, service in configuration.services.items() if service.gated and users[name]}


def given(gives: Iterable[str], base: str, model: str, program: str) -> dict[str, str]:
    """Return the variables that a started service gives to later ones and to the lane.

    Args:
        gives: `NAME=value` entries.
        base: address of the service.
        model: name of its model, empty for none.
        program: absolute path of what was started, empty where somebody else's server is used.
    """
    values = {"{base}": base, "{model}": model, "{program}": program}
    entries = (entry.partition("=") for entry in gives)
    return {name: _filled(value, values) for name, _, value in entries}


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with a value in the place of each placeholder."""
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text


def model_names(listing: object) -> list[str]:
    """Return the models of a decoded list, in one of the two usual shapes: `data[].id` or `models[].name`."""
    if not isinstance(listing, dict):
        return []
    for key, name in (("data", "id"), ("models", "name")):
        entries = listing.get(key)
        if isinstance(entries, list):
            return [str(entry[name]) for entry in entries if isinstance(entry, dict) and entry.get(name)]
    return []


def choose_model(names: list[str], requested: str) -> str:
    """Return the model that is asked: the wished one, whose tag may be left out, or the first.

    Raises:
        ValueError: there is none, or the wished one is not among them.
    """
    if not names:
        raise ValueError("lists no model")
    if not requested:
        return names[0]
    found = next((name for name in names if name in (requested, f"{requested}:latest")), None)
    if found is None:
        raise ValueError(f"does not have the model {requested!r}; it lists {', '.join(names)}")
    return found


def problems(configuration: Configuration) -> Iterable[str]:
    """Yield every problem of the services, as `<key path>: <what is wrong, what is allowed>`."""
    for name, service in configuration.services.items():
        yield from _problems(f"services.{name}", name, service, configuration)
    for name in set(configuration.locks) & set(configuration.lanes):
        yield f"locks.{name}: {name} is a lane, whose lock has the same name"


def _problems(path: str, name: str, service: Service, configuration: Configuration) -> Iterable[str]:
    """Yield the problems of one service."""
    if not service.command:
        yield f"{path}.command: at least one word is needed"
    if not 0 < service.start_timeout <= 3600:
        yield f"{path}.start_timeout: {service.start_timeout:g} is not between 0 and 3600 seconds"
    if service.environment and service.environment not in configuration.locks:
        known = ", ".join(sorted(configuration.locks)) or "none"
        yield f"{path}.environment: unknown lock {service.environment!r}; known: {known}"
    if not service.ready:
        yield from _unstarted(path, name, service, configuration)
    if service.optional and not service.environment:
        yield f"{path}.optional: only a service with an environment of its own can be optional"
    if name in (*configuration.lanes, *configuration.providers) and service.gated:
        yield f"{path}: {name!r} is also a lane or a provider; what can be expected needs a name of its own"
    variables = [service.when, *([service.instead.variable] if service.instead else [])]
    for variable in filter(None, variables):
        if not _VARIABLE.fullmatch(variable):
            yield f"{path}: {variable!r} is not the name of a variable"
    if service.meter and len(service.meter.split(" ")) != 2:
        yield f"{path}.meter: {service.meter!r} is not a path and the name of a counter"
    where, _, counter = service.refused.partition(" ")
    if service.refused:
        try:
            selector(counter)
        except ValueError as error:
            yield f"{path}.refused: after the path {where!r}: {error}"
    known_shards = {shard for lane in configuration.lanes.values() if name in lane.services for shard in lane.shards}
    for shard in service.shards:
        if shard not in known_shards:
            yield f"{path}.shards: no lane that uses it has a shard {shard!r}; known: {', '.join(sorted(known_shards))}"
    for entry in service.gives:
        if "=" not in entry:
            yield f"{path}.gives: {entry!r} is not NAME=value; {', '.join(PLACEHOLDERS)} are filled in"
        elif "{base}" in entry and not service.ready:
            yield f"{path}.gives: {entry!r} names an address, and without `ready` nothing is started"
        elif "{model}" in entry and not service.models:
            yield f"{path}.gives: {entry!r} names a model, and `models` says of no path that lists any"


def _unstarted(path: str, name: str, service: Service, configuration: Configuration) -> Iterable[str]:
    """Yield what is asked of programs that nobody starts; it would never be asked, and never be missed."""
    if not service.environment:
        yield f"{path}.ready: only a service with an environment of its own can be one that nobody starts"
    for key in ("identity", "models", "meter", "refused", "instead"):
        if getattr(service, key):
            yield f"{path}.{key}: without `ready` nothing is started that could be asked"
    if configuration.address.service == name:
        yield f"address.service: {name!r} has no address, as without `ready` nothing is started"
