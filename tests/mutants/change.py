"""Seams made of paths: most defects are one member that is missing, or has another value.

A path is `choices.0.message.role`: names of members and places in lists, joined by dots. Where an answer has no such
member it stays as it is, so that one defect names the members of several dialects.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from mutants.healthy import Exchange, Seams
from mutants.speaking import Sent

Change = Callable[[Any], Any]
"""Makes a member's new value from its old one."""

GONE = object()
"""The value of a member that is to be missing."""


def changed(value: Any, path: str, change: Change) -> Any:
    """Return a copy of a value in which the member at a path is changed; as it is where there is no such member."""
    copied = copy.deepcopy(value)
    *way, last = path.split(".")
    place = copied
    for name in way:
        place = _member(place, name, None)
    key: Any = int(last) if isinstance(place, list) else last
    old = _member(place, last, GONE)
    if old is not GONE:
        new = change(old)
        if new is GONE:
            del place[key]
        else:
            place[key] = new
    return copied


def _member(value: Any, name: str, default: Any) -> Any:
    if isinstance(value, dict):
        return value.get(name, default)
    if isinstance(value, list) and name.isdigit() and int(name) < len(value):
        return value[int(name)]
    return default


def _each(value: Any, paths: tuple[str, ...], change: Change) -> Any:
    for path in paths:
        value = changed(value, path, change)
    return value


def edit(change: Change, *paths: str) -> Seams:
    """Return a gateway whose plain answers have other members."""
    return Seams(body=lambda body, _x: _each(body, paths, change))


def drop(*paths: str) -> Seams:
    """Return a gateway whose plain answers lack members."""
    return edit(lambda _old: GONE, *paths)


def put(new: Any, *paths: str) -> Seams:
    """Return a gateway whose plain answers have one value in some members."""
    return edit(lambda _old: copy.deepcopy(new), *paths)


def in_events(change: Change, *paths: str) -> Seams:
    """Return a gateway whose events have other members."""

    def seam(events: list[Sent], _x: Exchange) -> list[Sent]:
        return [Sent(e.data if isinstance(e.data, str) else _each(e.data, paths, change), e.name) for e in events]

    return Seams(events=seam)


def drop_events(*paths: str) -> Seams:
    """Return a gateway whose events lack members."""
    return in_events(lambda _old: GONE, *paths)


def put_events(new: Any, *paths: str) -> Seams:
    """Return a gateway whose events have one value in some members."""
    return in_events(lambda _old: copy.deepcopy(new), *paths)


def without(*kinds: str) -> Seams:
    """Return a gateway whose streams lack the events of some types."""
    return Seams(events=lambda events, _x: renumbered([e for e in events if kind_of(e) not in kinds]))


def kind_of(event: Sent) -> str:
    """Return the type of an event; empty for one of chat."""
    return event.data.get("type", "") if isinstance(event.data, dict) else ""


def choice_of(event: Sent) -> dict[str, Any]:
    """Return the first choice of an event of chat; empty where there is none."""
    choices = event.data.get("choices") if isinstance(event.data, dict) else None
    return choices[0] if choices else {}


def renumbered(events: list[Sent]) -> list[Sent]:
    """Return events of Responses numbered anew, those of other dialects as they are: the one defect is another."""
    return [
        Sent({**e.data, "sequence_number": n}, e.name)
        if isinstance(e.data, dict) and "sequence_number" in e.data
        else e
        for n, e in enumerate(events)
    ]
