"""Attributes of watched modules and of the classes defined in them: replaced, added, deleted."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from greenlane.plugin.leaks.change import ABSENT, Change, Clue, identity
from greenlane.plugin.leaks.context import Context
from greenlane.plugin.leaks.namespaces import Namespace, Spaces

MADE_BY_PYTHON = frozenset(
    {
        "__annotations__", "__annotations_cache__", "__annotate_func__", "__warningregistry__", "__slotnames__",
        "__protocol_attrs__", "__non_callable_proto_members__", "__abstractmethods__", "_abc_impl", "__parameters__",
        "__path__", "__cached__", "__doc__", "__match_args__", "__builtins__",
    }
)  # fmt: skip
"""Names that the interpreter and the standard library add to modules and classes by themselves."""


class Attributes:
    """Watches attributes by identity.

    Args:
        spaces: the watched modules and classes.
    """

    def __init__(self, _context: Context, spaces: Spaces) -> None:
        self._spaces = spaces
        self._saved: list[dict[str, Any]] = []
        self._counters: dict[tuple[str, str], bool] = {}
        self._reader = spaces.register(lambda number: self._saved.append(dict(spaces.all[number].values)))

    def poll(self) -> Sequence[Change]:
        """Return the attributes that are not what they were."""
        touched = self._spaces.ask(self._reader)
        if not touched:
            return ()
        changes: list[Change] = []
        for number in sorted(touched):
            space = self._spaces.all[number]
            changes.extend(self._changes(space, self._saved[number]))
            self._saved[number] = dict(space.values)
        return changes

    def _changes(self, space: Namespace, saved: dict[str, Any]) -> Iterator[Change]:
        now = dict(space.values)
        for name in (*now, *(name for name in saved if name not in now)):
            before, after = saved.get(name, ABSENT), now.get(name, ABSENT)
            if before is after or _harmless(space, name, before, after) or self._counts(space, name, before, after):
                continue
            yield _change(space, name, before, after)

    def _counts(self, space: Namespace, name: str, before: object, after: object) -> bool:
        """Whether a private number went up that its own module counts: made for a new value each time."""
        if type(before) is not int or type(after) is not int or after < before:
            return False
        private = name.startswith("_") or space.name.rpartition(".")[2].startswith("_")
        key = (space.name, name)
        if private and key not in self._counters:
            self._counters[key] = _is_counted_in(space.source, name)
        return private and self._counters[key]


def _harmless(space: Namespace, name: str, before: object, after: object) -> bool:
    """Whether nobody's test did it: Python itself, or an import that made a submodule or a lazy attribute."""
    if name in MADE_BY_PYTHON:
        return True
    if isinstance(space.owner, type):
        # Libraries note on a class what they learnt of it (`__msgspec_cache__`, `__pydantic_core_schema__`).
        return before is ABSENT and name.startswith("__") and name.endswith("__") and not callable(after)
    if isinstance(after, ModuleType) and sys.modules.get(f"{space.name}.{name}") is after:
        return True
    # A module with `__getattr__` (PEP 562) keeps what it was asked for: found later, but always the same.
    return before is ABSENT and "__getattr__" in space.values and name in space.values.get("__all__", ())


def _is_counted_in(source: str, name: str) -> bool:
    """Whether a file has `name += …`."""
    try:
        with open(source, encoding="utf-8") as file:
            return re.search(rf"\b{re.escape(name)}\s*\+=", file.read()) is not None
    except (OSError, ValueError):
        return False


def _change(space: Namespace, name: str, before: object, after: object) -> Change:
    owner = space.owner

    def undo() -> None:
        if isinstance(owner, type):
            # Not `setattr`: a metaclass (Enum, ABC, a model) may forbid what was done past it.
            if before is ABSENT:
                type.__delattr__(owner, name)
            else:
                type.__setattr__(owner, name, before)
        elif before is ABSENT:
            space.values.pop(name, None)
        else:
            space.values[name] = before

    short = space.name.rpartition(".")[2]
    call = "delattr" if after is ABSENT else "setattr"
    rest = ")" if after is ABSENT else ", …)"
    return Change(
        f"{space.name}.{name}",
        identity(before),
        identity(after),
        undo,
        clue=Clue(assigned=name),
        advice=f'use monkeypatch.{call}({short}, "{name}"{rest}, which undoes itself',
        source=space.source,
    )
