"""Small claims that the checks of every capability share: each raises a finding that says what was expected."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from greenlane.ext.probe.values import Finding


def need(true: object, message: str) -> None:
    """Raise a finding unless something is true."""
    if not true:
        raise Finding(message)


def member(body: Mapping[str, Any], path: str, kind: type | tuple[type, ...]) -> Any:
    """Return a member by its path, `choices.0.message`; it must be there and of a kind.

    Raises:
        Finding: it is not.
    """
    value: Any = body
    for step in path.split("."):
        if isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, Mapping) and step in value:
            value = value[step]
        else:
            raise Finding(f"`{path}` is missing")
    if not isinstance(value, kind) or (isinstance(value, bool) and kind in (int, (int, float))):
        raise Finding(f"`{path}` is {value!r:.80}, not {_named(kind)}")
    return value


def filled(body: Mapping[str, Any], path: str) -> str:
    """Return a member that must be text with something in it."""
    value: str = member(body, path, str)
    need(value, f"`{path}` is empty")
    return value


def equal(body: Mapping[str, Any], path: str, wanted: object) -> None:
    """Claim that a member has a value."""
    value = member(body, path, object)
    need(value == wanted and type(value) is type(wanted), f"`{path}` is {value!r:.80}, not {wanted!r}")


def one_of(value: object, allowed: Collection[object], what: str) -> None:
    """Claim that something is among what is allowed."""
    need(value in allowed, f"{what} is {value!r}, not one of {', '.join(map(repr, allowed))}")


def refused(claim: Callable[[], object]) -> bool:
    """Return whether a claim does not hold."""
    try:
        claim()
    except Finding:
        return True
    return False


def _named(kind: type | tuple[type, ...]) -> str:
    names = {
        str: "text",
        int: "a whole number",
        dict: "an object",
        list: "a list",
        float: "a number",
        bool: "a boolean",
    }
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return " or ".join(names.get(one, one.__name__) for one in kinds)
