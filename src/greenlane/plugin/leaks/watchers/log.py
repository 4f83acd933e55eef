"""Logging: levels, handlers, filters, propagation, and what `logging.disable` switched off."""

from __future__ import annotations

import logging
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from greenlane.plugin.leaks.change import Change, Clue, identity
from greenlane.plugin.leaks.context import Context

_state = operator.attrgetter("level", "disabled", "propagate", "handlers", "filters")

CALLS = {
    "level": ("setLevel", "basicConfig", "dictConfig", "fileConfig"),
    "disabled": ("dictConfig", "fileConfig"),
    "propagate": (),
    "handlers": ("addHandler", "removeHandler", "basicConfig", "dictConfig", "fileConfig"),
    "filters": ("addFilter", "removeFilter", "dictConfig"),
}
FIELDS = tuple(CALLS)
PRISTINE: tuple[Any, ...] = (logging.NOTSET, False, True, [], [])
"""State of a logger that somebody only asked for."""


class Loggers:
    """Watches every logger, the root, and the global switch.

    Args:
        context: of the lane.
    """

    def __init__(self, context: Context) -> None:
        self._arrived = context.arrived
        self._registry = logging.root.manager.loggerDict
        self._count = -1
        self._loggers: list[logging.Logger] = []
        self._rows: list[tuple[Any, ...]] = []
        self._disabled = logging.root.manager.disable
        self._find_new(list[Change]())

    def poll(self) -> Sequence[Change]:
        """Return what is set up differently."""
        changes: list[Change] = []
        if [*map(_state, self._loggers)] != self._rows:
            self._compare(changes)
        if len(self._registry) != self._count:
            self._find_new(changes)
        disabled, before = logging.root.manager.disable, self._disabled
        if disabled != before:
            self._disabled = disabled
            clue = Clue(assigned="disable", calls=("disable",))
            changes.append(Change("disable", before, disabled, lambda: logging.disable(before), clue=clue))
        return changes

    def _compare(self, changes: list[Change]) -> None:
        for number, logger in enumerate(self._loggers):
            row = _row(logger)
            if row != self._rows[number]:
                changes.extend(_differences(logger, self._rows[number], row))
                self._rows[number] = row

    def _find_new(self, changes: list[Change]) -> None:
        """Take new loggers; one that a test created is compared with a logger that was only asked for."""
        first = self._count < 0
        self._count = len(self._registry)
        known = {logger.name for logger in self._loggers}
        named = [logger for logger in tuple(self._registry.values()) if isinstance(logger, logging.Logger)]
        for logger in ([logging.root] if first else []) + named:
            if first or logger.name not in known:
                row = _row(logger)
                self._loggers.append(logger)
                self._rows.append(row)
                if not first and row != PRISTINE:
                    doubtful = bool(self._arrived)
                    changes.extend(replace(c, doubtful=doubtful) for c in _differences(logger, PRISTINE, row))


def _row(logger: logging.Logger) -> tuple[Any, ...]:
    """Return the state of a logger, with copies of its lists."""
    level, disabled, propagate, handlers, filters = _state(logger)
    return level, disabled, propagate, list(handlers), list(filters)


def _differences(logger: logging.Logger, before: tuple[Any, ...], after: tuple[Any, ...]) -> Iterator[Change]:
    for field, old, new in zip(FIELDS, before, after, strict=True):
        if isinstance(old, list):
            yield from _list_difference(logger, field, old, new)
        elif old != new:
            yield Change(
                f"{logger.name}.{field}",
                _shown(field, old),
                _shown(field, new),
                _setter(logger, field, old),
                clue=Clue(assigned=field, calls=CALLS[field]),
                advice="use caplog.set_level(…), which undoes itself" if field == "level" else "",
            )


def _list_difference(logger: logging.Logger, field: str, old: list[Any], new: list[Any]) -> Iterator[Change]:
    """Yield the change of a list of handlers or filters, without those of pytest and those that do nothing."""
    old, new = ([entry for entry in entries if not _of_nobody(entry)] for entries in (old, new))
    if old == new:
        return
    clue = Clue(assigned=field, calls=CALLS[field])
    call = {"handlers": "removeHandler", "filters": "removeFilter"}[field]

    def undo() -> None:
        entries = getattr(logger, field)
        entries[:] = [*old, *(entry for entry in entries if _of_nobody(entry))]

    yield Change(
        f"{logger.name}.{field}",
        tuple(map(identity, old)),
        tuple(map(identity, new)),
        undo,
        clue=clue,
        advice=f"call {call}(…) in the tear-down of a fixture",
    )


def _of_nobody(entry: object) -> bool:
    """Whether a handler is pytest's own, or one that libraries add to be silent."""
    return type(entry).__module__.startswith("_pytest.") or isinstance(entry, logging.NullHandler)


def _setter(logger: logging.Logger, field: str, value: Any) -> Callable[[], None]:
    if field == "level":
        # setLevel also forgets what loggers remember about being enabled.
        return lambda: logger.setLevel(value)
    return lambda: setattr(logger, field, value)


def _shown(field: str, value: Any) -> object:
    return logging.getLevelName(value) if field == "level" else value
