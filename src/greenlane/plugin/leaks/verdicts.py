"""From a change that stands to a reported leak: level, allow-list, line, undo and words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from greenlane.config.leaks import LeakPolicy
from greenlane.plugin.leaks.change import ABSENT, show
from greenlane.plugin.leaks.ledger import Entry, Owner
from greenlane.plugin.leaks.search import Search
from greenlane.plugin.leaks.table import KINDS

ADVICE = {kind.name: kind.advice for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Leak:
    """A leak as it is reported; see `greenlane.evidence.journal.Leaked` for the fields."""

    watcher: str
    what: str
    before: str
    after: str
    where: str
    level: str
    advice: str
    owner: str
    restored: bool

    def line(self) -> str:
        """Return the leak in one line: kind, what, from, to, where, and whose it is."""
        where = f" at {self.where}" if self.where else ""
        owner = f" by {self.owner}" if self.owner else ""
        name = self.what if self.what == self.watcher else f"{self.watcher} {self.what}"
        return f"LEAK {name} from {self.before} to {self.after}{where}{owner}"

    def lines(self) -> list[str]:
        """Return the leak, what to write instead, and whether the next test sees it."""
        after = "it has been put back" if self.restored else "it could not be put back"
        return [self.line(), f"  {self.advice}; {after}"]


class Settling:
    """Turns what an owner left behind into leaks.

    Args:
        policy: levels and allow-list.
        search: finds lines.
    """

    def __init__(self, policy: LeakPolicy, search: Search) -> None:
        self._policy = policy
        self._search = search

    def level_of(self, kind: str) -> str:
        """Return `error`, `warn` or `off` for a kind of state."""
        return self._policy.levels.get(kind, self._policy.level)

    def settle(self, owner: Owner, functions: Iterable[Callable[..., Any]], reason: str | None = None) -> list[Leak]:
        """Return the leaks of an owner, undone where they can be, the last change first.

        Args:
            owner: whose time is over.
            functions: that ran for it, nearest first.
            reason: why it may leave state behind; its leaks are then only told, and not undone.
        """
        standing = [entry for entry in owner.take() if not self._allowed(entry)]
        # Asked of all before any is undone: undoing one may end another.
        standing = [entry for entry in standing if entry.change.still is None or entry.change.still()]
        found = [self._leak(entry, owner, list(functions), reason) for entry in reversed(standing)]
        return [leak for leak in found[::-1] if leak is not None]

    def _allowed(self, entry: Entry) -> bool:
        name = f"{entry.kind}:{entry.change.what}"
        return self.level_of(entry.kind) == "off" or any(fnmatchcase(name, one) for one in self._policy.allow)

    def _leak(self, entry: Entry, owner: Owner, functions: list[Callable[..., Any]], reason: str | None) -> Leak | None:
        change = entry.change
        where = entry.where or self._search.find(functions, change.clue, change.source, nearby=not change.doubtful)
        if change.doubtful and not where:
            return None
        before, after = show_both(change.before, entry.after)
        restored = reason is None and _undo(entry)
        return Leak(
            watcher=entry.kind,
            what=change.what,
            before=before,
            after=after,
            where=where,
            level=self.level_of(entry.kind) if reason is None else "warn",
            advice=f"on purpose: {reason}" if reason is not None else change.advice or ADVICE[entry.kind],
            owner=owner.label,
            restored=restored,
        )


def show_both(before: object, after: object) -> tuple[str, str]:
    """Return what stood and what stands there, in one short line each; of long lists what is different."""
    if isinstance(before, tuple) and isinstance(after, tuple):
        gone = tuple(entry for entry in before if entry not in after)
        new = tuple(entry for entry in after if entry not in before)
        if gone or new:
            return show(gone or ABSENT), show(new or ABSENT)
    return show(before), show(after)


def _undo(entry: Entry) -> bool:
    """Put back what was there; whether it could be."""
    if entry.change.undo is None:
        return False
    try:
        entry.change.undo()
    except Exception:  # noqa: BLE001 - the state's own code may fail in any way; the report says so
        return False
    return True
