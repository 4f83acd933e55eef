"""Finds out which dialects and models an endpoint has: one look at its list, one short call for each dialect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from greenlane.errors import EXIT_NOT_READY, ConfigError, GreenlaneError
from greenlane.ext.probe.asked import Target
from greenlane.ext.probe.case import Case
from greenlane.ext.probe.pack.errors import least
from greenlane.ext.probe.pack.mcp import HEADERS, VERSION
from greenlane.ext.probe.speech.protocol import dict_of, list_of
from greenlane.ext.probe.speech.table import SPEECHES
from greenlane.ext.probe.values import Dialect, Finding
from greenlane.ext.probe.wire import Reply, UnansweredError, Wire

TRIED = 3
"""Models that a dialect is tried with."""

REFUSED = (401, 403)


class NothingServedError(GreenlaneError):
    """Nothing that a probe could ask is served."""

    exit_code = EXIT_NOT_READY
    label = "NOT READY"


def discovered(wire: Wire, dialects: Sequence[Dialect], model: str) -> tuple[tuple[Target, ...], list[str]]:
    """Return what can be asked, and a line for each dialect that cannot.

    Args:
        wire: to the endpoint; dialects: that were named, none tries all; model: that was named, empty for any.

    Raises:
        ConfigError: the endpoint wants a key, or another.
        NothingServedError: nothing is served, or something that was named is not.
    """
    models = [model] if model else _models(wire)
    targets, lines = [], []
    for dialect in dialects or tuple(Dialect):
        target, why = _try(wire, dialect, models)
        if target is None:
            lines.append(f"{dialect.value}: not served ({why})")
        else:
            targets.append(target)
    if not targets or (dialects and lines):
        raise NothingServedError("; ".join(lines), "see the address, or name --dialect and --model")
    return tuple(targets), lines


def planned(dialects: Sequence[Dialect], model: str) -> list[str]:
    """Return the calls that are made to find out what is served."""
    lines = [] if model else ["GET /v1/models"]
    tries = 1 if model else TRIED
    paths = [SPEECHES[dialect].path for dialect in dialects or tuple(Dialect)]
    return [*lines, *(f"POST {path} up to {tries} times, one short question" for path in paths)]


def _models(wire: Wire) -> list[str]:
    """Return the models that an endpoint lists; none where it has no list.

    Raises:
        ConfigError: it wants a key, or another.
        NothingServedError: nobody answers.
    """
    try:
        reply = wire.call("GET", "/v1/models", headers=SPEECHES[Dialect.CHAT].headers(wire.key))
        _authorised(reply)
        listed = list_of(dict_of(reply.json()).get("data")) if reply.status == 200 else []
    except UnansweredError as finding:
        raise NothingServedError(f"nobody answers: {finding}", "see that it runs, and the address") from finding
    except Finding:
        return []
    return [one["id"] for one in listed if isinstance(one, dict) and isinstance(one.get("id"), str)]


def _authorised(reply: Reply) -> None:
    """Claim that the key is right.

    Raises:
        ConfigError: it is not.
    """
    if reply.status in REFUSED:
        raise ConfigError(f"the endpoint answers {reply.status}: it wants a key, or another", "name it with --key-env")


def _try(wire: Wire, dialect: Dialect, models: Iterable[str]) -> tuple[Target | None, str]:
    """Return what can be asked in a dialect; or None and why."""
    if dialect is Dialect.MCP:
        return _try_mcp(wire)
    embeds = dialect is Dialect.EMBEDDINGS
    fitting = [model for model in models if ("embed" in model.lower()) is embeds] or list(models)
    if not fitting:
        return None, "no model is known: name one with --model"
    why = ""
    for model in fitting[:TRIED]:
        case = Case(wire, SPEECHES[dialect], dialect, model)
        try:
            reply = case.post(least(case))
            _authorised(reply)
            if reply.status == 200 and isinstance(reply.json(), dict):
                return Target(dialect, model), ""
            why = f"status {reply.status}"
        except Finding as finding:
            why = str(finding)
    return None, why


def _try_mcp(wire: Wire) -> tuple[Target | None, str]:
    """Return whether a server of the Model Context Protocol answers."""
    speech = SPEECHES[Dialect.MCP]
    client = {"name": "greenlane-probe", "version": "1"}
    params = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": client}
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    try:
        reply = wire.call("POST", speech.path, body, {**HEADERS, **speech.headers(wire.key)})
    except Finding as finding:
        return None, str(finding)
    served = reply.status == 200 and b"protocolVersion" in reply.body
    return (Target(Dialect.MCP, "mcp"), "") if served else (None, f"status {reply.status}")
