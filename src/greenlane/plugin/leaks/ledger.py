"""Who changed what: each piece of state that was changed belongs to a test or to a fixture of wider scope."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from greenlane.plugin.leaks.change import Change
from greenlane.plugin.network.audit import Site


@dataclass(slots=True)
class Entry:
    """A change that stands: the first one's way back, the last one's state."""

    kind: str
    change: Change
    after: object
    site: Site | None
    made: tuple[Any, ...] = ()


@dataclass(slots=True)
class Owner:
    """Somebody who answers for state: a test, or a fixture of class scope or wider.

    Attributes:
        label: how it is called in reports; empty for the test itself.
        functions: that ran for it, to be searched for the line.
        resume: the owner that was interrupted by it.
        completed: whether its functions ran to their ends, as far as it is known.
        given: values of the arguments of its functions.
    """

    label: str = ""
    functions: list[Callable[..., Any]] = field(default_factory=list)
    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)
    resume: Owner | None = None
    completed: bool = True
    given: dict[str, Any] = field(default_factory=dict)

    def record(self, kind: str, changes: Iterable[Change]) -> None:
        """Take changes as its own; one that leads back to where it began cancels."""
        for change in changes:
            key = (kind, change.what)
            entry = self.entries.get(key)
            if entry is None:
                self.entries[key] = Entry(kind, change, change.after, change.site, change.made)
            elif entry.change.before == change.after:
                del self.entries[key]
            else:
                entry.after = change.after
                entry.site = change.site or entry.site
                entry.made = change.made

    def forgive(self, kind: str, changes: Iterable[Change]) -> None:
        """Cancel what somebody else, outside of any test, put back."""
        for change in changes:
            entry = self.entries.get((kind, change.what))
            if entry is not None and entry.change.before == change.after:
                del self.entries[(kind, change.what)]

    def follow(self, key: tuple[str, str], after: object) -> None:
        """Take note that somebody else changed what this owner had changed."""
        entry = self.entries[key]
        if entry.change.before == after:
            del self.entries[key]
        else:
            entry.after = after

    def take(self) -> list[Entry]:
        """Return the changes that stand, and answer for nothing any more."""
        entries = list(self.entries.values())
        self.entries.clear()
        return entries
