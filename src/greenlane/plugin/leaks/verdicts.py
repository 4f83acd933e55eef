"""From a change that stands to a reported leak: whose it is, level, allow-list, line, undo and words."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from greenlane.config.leaks import LeakPolicy
from greenlane.plugin.leaks.blame import Blame, Evidence, blame
from greenlane.plugin.leaks.change import ABSENT, Change, show
from greenlane.plugin.leaks.ledger import Entry, Owner
from greenlane.plugin.leaks.makers import Makers
from greenlane.plugin.leaks.search import Fit, Found, Search
from greenlane.plugin.leaks.table import KINDS

ADVICE = {kind.name: kind.advice for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Leak:
    """A change as it is reported; see `greenlane.evidence.journal.Leaked` for the fields."""

    watcher: str
    what: str
    before: str
    after: str
    where: str
    level: str
    advice: str
    owner: str
    restored: bool
    blame: str = Blame.LEAK.value
    sure: bool = True

    def line(self) -> str:
        """Return the leak in one line: kind, what, from, to, where, and whose it is."""
        where = f" {'at' if self.sure else 'probably at'} {self.where}" if self.where else ""
        owner = f" by {self.owner}" if self.owner else ""
        name = self.what if self.what == self.watcher else f"{self.watcher} {self.what}"
        word = "LEAK" if self.blame == Blame.LEAK.value else "UNCERTAIN"
        return f"{word} {name} from {self.before} to {self.after}{where}{owner}"

    def lines(self) -> list[str]:
        """Return the leak, what to write instead, and whether the next test sees it."""
        if self.blame != Blame.LEAK.value:
            return [self.line(), "  nothing shows whether the test or the code under test did it; it stays as it is"]
        after = "it has been put back" if self.restored else "it has not been put back"
        return [self.line(), f"  {self.advice}; {after}"]


@dataclass(frozen=True, slots=True)
class Settled:
    """A change that is nobody's leak; see `greenlane.evidence.journal.Settled` for the fields."""

    watcher: str
    what: str
    before: str
    after: str


class Settling:
    """Turns what an owner left behind into leaks, and into what only settled.

    Args:
        policy: levels and allow-list.
        search: finds lines; makers: tells who made values.
    """

    def __init__(self, policy: LeakPolicy, search: Search, makers: Makers) -> None:
        self._policy = policy
        self._search = search
        self._makers = makers
        self._reported: set[tuple[str, str, Blame]] = set()

    def level_of(self, kind: str) -> str:
        """Return `error`, `warn` or `off` for a kind of state."""
        return self._policy.levels.get(kind, self._policy.level)

    def settle(
        self, owner: Owner, functions: Iterable[Callable[..., Any]], living: Iterable[Owner], reason: str | None = None
    ) -> tuple[list[Leak], list[Settled]]:
        """Return the leaks of an owner, undone where they may be, and what settled for the first time.

        Args:
            owner: whose time is over.
            functions: that ran for it, nearest first.
            living: owners whose time is not over; what they have changed is theirs, and is not undone.
            reason: why it may leave state behind; its leaks are then only told, and not undone.
        """
        standing = [entry for entry in owner.take() if not self._allowed(entry)]
        # Asked of all before any is undone: undoing one may end another.
        standing = [entry for entry in standing if entry.change.still is None or entry.change.still()]
        ran, others = list(functions), list(living)
        leaks: list[Leak] = []
        settled: list[Settled] = []
        for entry in reversed(standing):
            found = self._search.find(ran, entry.change.clue, owner.given)
            whose = blame(self._evidence(entry, found))
            if whose is Blame.LEAK:
                leaks.insert(0, self._leak(entry, owner, found, others, reason))
            elif self._is_new(entry, whose):
                if whose is Blame.SETTLING:
                    settled.append(Settled(entry.kind, entry.change.what, *show_both(entry.change.before, entry.after)))
                elif self._policy.uncertain != "off":
                    leaks.append(self._uncertain(entry, owner, found, reason))
        return leaks, settled

    def _evidence(self, entry: Entry, found: Found) -> Evidence:
        change, made, site = entry.change, entry.made, entry.site
        source = change.source
        return Evidence(
            started=change.started or _is_patched(change),
            made=any(self._makers.by_test(value) for value in made),
            frame=site.side if site is not None else None,
            fit=found.fit,
            importing=change.importing,
            inside=change.inside,
            others=lambda: bool(made) and all(self._makers.by_others(value) for value in made),
            itself=lambda: self._search.changes_itself(source, change.clue),
        )

    def _is_new(self, entry: Entry, whose: Blame) -> bool:
        """Whether a thing is told of for the first time in this process."""
        key = (entry.kind, entry.change.thing or entry.change.what, whose)
        new = key not in self._reported
        self._reported.add(key)
        return new

    def _allowed(self, entry: Entry) -> bool:
        name = f"{entry.kind}:{entry.change.what}"
        return self.level_of(entry.kind) == "off" or any(fnmatchcase(name, one) for one in self._policy.allow)

    def _leak(self, entry: Entry, owner: Owner, found: Found, living: list[Owner], reason: str | None) -> Leak:
        change = entry.change
        key = (entry.kind, change.what)
        owners = [other for other in living if key in other.entries]
        before, after = show_both(change.before, entry.after)
        restored = reason is None and not owners and _undo(entry)
        if not restored:
            for other in owners:
                other.follow(key, entry.after)
        where, sure = _place(entry, owner, found)
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
            sure=sure,
        )

    def _uncertain(self, entry: Entry, owner: Owner, found: Found, reason: str | None) -> Leak:
        before, after = show_both(entry.change.before, entry.after)
        lowest = "warn" if reason is not None or self.level_of(entry.kind) == "warn" else self._policy.uncertain
        where, _ = _place(entry, owner, found)
        return Leak(
            watcher=entry.kind,
            what=entry.change.what,
            before=before,
            after=after,
            where=where,
            level=lowest,
            advice=f"on purpose: {reason}" if reason is not None else entry.change.advice or ADVICE[entry.kind],
            owner=owner.label,
            restored=False,
            blame=Blame.UNCERTAIN.value,
            sure=False,
        )


def _place(entry: Entry, owner: Owner, found: Found) -> tuple[str, bool]:
    """Return the line that did it, and whether it certainly did: it was seen, or has run and fits in every part."""
    if entry.site is not None and entry.site.where:
        return entry.site.where, True
    return found.where, found.fit is Fit.EXACT and found.always and owner.completed


def _is_patched(change: Change) -> bool:
    """Whether `mock.patch(…).start()` holds an attribute, and nobody has stopped it."""
    module = sys.modules.get("unittest.mock")
    active = getattr(getattr(module, "_patch", None), "_active_patches", ()) if module is not None else ()
    owners = change.clue.owners
    return any(
        one.attribute == change.clue.assigned and any(one.target is owner for owner in owners)
        for one in tuple(active)
        if hasattr(one, "target") and hasattr(one, "attribute")
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
