"""Logging: levels, handlers, filters, propagation, and what `logging.disable` switched off."""

from __future__ import annotations

import logging
import operator
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from greenlane.plugin.leaks.change import Change, Clue, identity
from greenlane.plugin.leaks.context import Context
from greenlane.plugin.leaks.plain import class_module, is_a, is_module, module_text
from greenlane.plugin.network.audit import Side

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
    """Watches every logger, the root, and the global switch."""

    def __init__(self, context: Context) -> None:
        self._arrived = context.arrived
        self._sites = context.sites
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
            clue = Clue(assigned="disable", calls=("disable",), owners=(logging.root.manager,))
            changes.append(Change("disable", before, disabled, lambda: logging.disable(before), clue=clue))
        return changes

    def _compare(self, changes: list[Change]) -> None:
        for number, logger in enumerate(self._loggers):
            row = _row(logger)
            if row != self._rows[number]:
                changes.extend(_differences(logger, self._rows[number], row))
                self._rows[number] = row

    def _expected(self, logger: logging.Logger, level: int) -> tuple[Any, ...]:
        """Return what a new logger may be: one of a test's own may have any level, for nobody else will ask for it."""
        own = not _of_a_package(logger) or self._of_a_test(logger)
        return (level, *PRISTINE[1:]) if own else PRISTINE

    def _of_a_test(self, logger: logging.Logger) -> bool:
        """Whether a logger is named after a module of the tests, whose own it then is."""
        root = sys.modules.get(logger.name.partition(".")[0])
        path = module_text(root, "__file__") if is_module(root) else ""
        return bool(path) and self._sites.side(path) is Side.TEST

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
                if not first and row != (expected := self._expected(logger, row[0])):
                    importing = bool(self._arrived)
                    changes.extend(
                        replace(c, importing=importing, started=self._of_a_test(logger))
                        for c in _differences(logger, expected, row)
                    )


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
                clue=Clue(assigned=field, calls=CALLS[field], owners=(logger,)),
                inside=_of_a_package(logger),
                advice="use caplog.set_level(…), which undoes itself" if field == "level" else "",
            )


def _list_difference(logger: logging.Logger, field: str, old: list[Any], new: list[Any]) -> Iterator[Change]:
    """Yield the change of a list of handlers or filters, without those of pytest and those that do nothing."""
    old, new = ([entry for entry in entries if not _of_nobody(entry)] for entries in (old, new))
    if len(old) == len(new) and all(map(operator.is_, old, new)):
        return
    clue = Clue(assigned=field, calls=CALLS[field], owners=(logger, getattr(logger, field)))
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
        made=tuple(entry for entry in new if not any(entry is other for other in old)),
        inside=_of_a_package(logger),
        advice=f"call {call}(…) in the tear-down of a fixture",
    )


def _of_nobody(entry: object) -> bool:
    """Whether a handler is pytest's own, or one that libraries add to be silent."""
    return class_module(type(entry)).startswith("_pytest.") or is_a(entry, logging.NullHandler)


def _of_a_package(logger: logging.Logger) -> bool:
    """Whether a logger belongs to a package that is imported, which may set up its own."""
    root = sys.modules.get(logger.name.partition(".")[0])
    return root is not None and logger is not logging.root


def _setter(logger: logging.Logger, field: str, value: Any) -> Callable[[], None]:
    if field == "level":
        # setLevel also forgets what loggers remember about being enabled.
        return lambda: logger.setLevel(value)
    return lambda: setattr(logger, field, value)


def _shown(field: str, value: Any) -> object:
    return logging.getLevelName(value) if field == "level" else value
