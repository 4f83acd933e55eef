"""What a watcher tells: a change of state, comparable, showable and undoable."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


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
_short = reprlib.Repr()
_short.maxstring = _short.maxother = 100
_short.maxlong = 60


def show(value: object) -> str:
    """Return a value in one short line; a `repr` that fails does not stop the report."""
    try:
        text = _short.repr(value)
    except Exception as error:  # noqa: BLE001 - any code of the user may run in a repr
        text = f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
    return " ".join(_ADDRESS.sub("", text).split())


@dataclass(frozen=True, slots=True)
class Clue:
    """What the line that did it looks like.

    Attributes:
        assigned: name of the attribute, variable or container that the line assigns, deletes or mutates.
        calls: names of functions that change this kind of state.
        key: text that must be among the arguments or the subscript, empty for any.
    """

    assigned: str = ""
    calls: tuple[str, ...] = ()
    key: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """State that is not what it was.

    Attributes:
        what: its name, stable for the life of the process.
        before: what stood for it; after: what stands for it now. Compared with `==`, shown with `repr`.
        undo: puts `before` back; None where nothing can.
        where: `file:line` that did it, where it is known already; clue: how to find it otherwise.
        advice: how to write it instead; empty for the watcher's own.
        still: asked before the change is told: whether it is still there, after a short grace; None for yes.
        doubtful: told only where a line is found that did it: an import may have done it as well.
        source: file of the code that owns the state, searched last; empty for none.
    """

    what: str
    before: object
    after: object
    undo: Callable[[], object] | None = None
    where: str = ""
    clue: Clue = Clue()
    advice: str = ""
    still: Callable[[], bool] | None = None
    doubtful: bool = False
    source: str = ""


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
        doubtful: tells of a value before and after whether an import may have done it.
    """

    def __init__(
        self,
        what: str,
        read: Callable[[], Any],
        write: Callable[[Any], object],
        clue: Clue,
        doubtful: Callable[[Any, Any], bool] | None = None,
    ) -> None:
        self._what = what
        self._read = read
        self._write = write
        self._clue = clue
        self._doubtful = doubtful
        self._last = read()
        self.where = ""

    def poll(self) -> Sequence[Change]:
        """Return the change of the value, if it did."""
        now, last = self._read(), self._last
        if now == last:
            return ()
        self._last = now
        where, self.where = self.where, ""
        doubtful = self._doubtful is not None and self._doubtful(last, now)
        return (
            Change(self._what, last, now, lambda: self._write(last), where=where, clue=self._clue, doubtful=doubtful),
        )
