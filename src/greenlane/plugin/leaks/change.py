"""What a watcher tells: a change of state, comparable, showable and undoable."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from greenlane.plugin.leaks.plain import short
from greenlane.plugin.network.audit import Site


class Absent:
    """There is nothing: the attribute, variable or thread does not exist."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT = Absent()


class Identity:
    """An object compared by identity, whatever its own `==` says.

    Args:
        value: the object; it is kept alive, so that nothing else gets its address.
    """

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.value is other.value

    def __hash__(self) -> int:
        return object.__hash__(self.value)

    def __repr__(self) -> str:
        return show(self.value)


def identity(value: object) -> object:
    """Return what stands for a value in a change: the value by identity, or that there is none."""
    return value if value is ABSENT else Identity(value)


_ADDRESS = re.compile(r" (object )?at 0x[0-9a-f]+")


def show(value: object) -> str:
    """Return a value in one short line; a `repr` that fails does not stop the report."""
    return " ".join(_ADDRESS.sub("", short(value)).split())


@dataclass(frozen=True, slots=True)
class Clue:
    """What the line that did it looks like.

    Attributes:
        assigned: name of the attribute, variable or container that the line assigns, deletes or mutates.
        calls: names of functions that change this kind of state.
        key: text that must be among the arguments or the subscript, empty for any.
        owners: the objects that the line acts on: module, class, container, logger. A line that acts on something else
            is not the one, whatever its words.
    """

    assigned: str = ""
    calls: tuple[str, ...] = ()
    key: str = ""
    owners: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """State that is not what it was.

    Attributes:
        what: its name, stable for the life of the process.
        before: what stood for it; after: what stands for it now. Compared with `==`, shown with `repr`.
        undo: puts back exactly what was there; None where nothing can.
        site: where and by whom it was done, where that was heard; clue: how to find the line otherwise.
        advice: how to write it instead; empty for the watcher's own.
        still: asked before the change is told: whether it is still there, after a short grace; None for yes.
        made: values that came with it; made in test code they show who did it.
        started: whether only a test starts such a thing.
        importing: whether an import may have done it, which is nobody's leak.
        inside: whether it is the doing of a library in itself.
        source: file of the code that owns the state, which may change it by itself; empty for none.
        thing: what it is called when it is told once for all tests; empty for `what`.
    """

    what: str
    before: object
    after: object
    undo: Callable[[], object] | None = None
    site: Site | None = None
    clue: Clue = Clue()
    advice: str = ""
    still: Callable[[], bool] | None = None
    made: tuple[Any, ...] = ()
    started: bool = False
    importing: bool = False
    inside: bool = False
    source: str = ""
    thing: str = ""


class Watcher(Protocol):
    """Watches one kind of state."""

    def poll(self) -> Sequence[Change]:
        """Return what changed since the last call; what is there now is the new baseline."""


class ValueWatcher:
    """Watches one value that can be read and written at once.

    Args:
        what: its name.
        read: returns it, in a form that compares with `==`.
        write: puts a value that was read back.
        clue: what a line that changes it looks like.
        importing: tells of a value before and after whether an import may have done it.
        made: tells the values that came with a change, from before and after.
        started: whether only a test changes it.
    """

    def __init__(
        self,
        what: str,
        read: Callable[[], Any],
        write: Callable[[Any], object],
        clue: Clue,
        importing: Callable[[Any, Any], bool] | None = None,
        made: Callable[[Any, Any], tuple[Any, ...]] | None = None,
        started: bool = False,
    ) -> None:
        self._what = what
        self._read = read
        self._write = write
        self._clue = clue
        self._importing = importing
        self._made = made
        self._started = started
        self._last = read()
        self.site: Site | None = None

    def poll(self) -> Sequence[Change]:
        """Return the change of the value, if it did."""
        now, last = self._read(), self._last
        if now == last:
            return ()
        self._last = now
        site, self.site = self.site, None
        return (
            Change(
                self._what,
                last,
                now,
                lambda: self._write(last),
                site=site,
                clue=self._clue,
                made=() if self._made is None else self._made(last, now),
                started=self._started,
                importing=self._importing is not None and self._importing(last, now),
            ),
        )
