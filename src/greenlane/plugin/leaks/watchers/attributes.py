"""Attributes of watched modules and of the classes defined in them: replaced, added, deleted."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from greenlane.plugin.leaks.change import ABSENT, Change, Clue, identity
from greenlane.plugin.leaks.context import Context
from greenlane.plugin.leaks.namespaces import Namespace, Spaces
from greenlane.plugin.leaks.plain import is_class, is_module

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
            space, saved = self._spaces.all[number], self._saved[number]
            self._saved[number] = dict(space.values)
            if self._spaces.executed_again(number):
                changes.append(_executed_again(space, saved))
            else:
                changes.extend(self._changes(space, saved))
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
    if is_module(after) and sys.modules.get(f"{space.name}.{name}") is after:
        return True
    # A module with `__getattr__` (PEP 562) keeps what it was asked for: found later, but always the same.
    return before is ABSENT and "__getattr__" in space.values and name in space.values.get("__all__", ())


def _executed_again(space: Namespace, saved: dict[str, Any]) -> Change:
    """Return one change for all that `importlib.reload` made anew."""

    def undo() -> None:
        space.values.clear()
        space.values.update(saved)

    return Change(
        space.name,
        Snapshot(saved, "as it was imported"),
        Snapshot(dict(space.values), "executed again"),
        undo,
        clue=Clue(calls=("reload",)),
        advice="do it in a process of its own: its classes and functions are others now",
    )


class Snapshot:
    """All attributes of a module at one time.

    Args:
        values: the attributes; words: what is shown.
    """

    def __init__(self, values: dict[str, Any], words: str) -> None:
        self._values = values
        self._words = words

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Snapshot) or self._values.keys() != other._values.keys():
            return False
        return all(value is other._values[name] for name, value in self._values.items())

    __hash__ = None  # type: ignore[assignment]  # attributes may not be hashable

    def __repr__(self) -> str:
        return self._words


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
        if is_class(owner):
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
        clue=Clue(assigned=name, owners=(owner, space.values)),
        made=(after,),
        # Libraries note on a class what they learnt of it: `__msgspec_cache__`, `__pydantic_complete__`.
        inside=is_class(owner) and name.startswith("__") and name.endswith("__"),
        advice=f'use monkeypatch.{call}({short}, "{name}"{rest}, which undoes itself',
        source=space.source,
    )
