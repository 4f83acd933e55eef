"""What the ledger may say, and what it excuses."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, TypeAlias

from greenlane.evidence.ledger import NOWHERE, LeakEntry, Ledger, MoveEntry, SkipEntry
from greenlane.evidence.quarantine import Entry
from greenlane.judge.quarantine import is_day
from greenlane.judge.quarantine import wrong_with as wrong_quarantine
from greenlane.judge.skip_causes import CHECKS

Known: TypeAlias = LeakEntry | SkipEntry | MoveEntry
DAY = "is not a day such as 2026-01-31"


def wrong_with(ledger: Ledger, lanes: Iterable[str]) -> list[str]:
    """Return what is wrong with a ledger, each as `<entry>: <what is wrong, what is allowed>`.

    Args:
        lanes: names of the lanes that there are.
    """
    known = tuple(lanes)
    found = wrong_quarantine(ledger, known)
    for entry in ledger.excuses:
        found += [f"{name_of(entry)}: {problem}" for problem in _wrong(entry, known)]
    return found


def name_of(entry: Known | Entry) -> str:
    """Return an entry in a few words."""
    if isinstance(entry, Entry):
        return f"quarantine {entry.test}"
    if isinstance(entry, LeakEntry):
        return f"leak {entry.what} of {entry.test}"
    return f"skip {entry.test}" if isinstance(entry, SkipEntry) else f"move {entry.test} to {entry.lane}"


def without(ledger: Ledger, entries: Collection[Known | Entry]) -> Ledger:
    """Return a ledger without some of its entries."""
    kinds = ("leaks", "skips", "quarantined", "moves")
    left: dict[str, Any] = {kind: tuple(e for e in getattr(ledger, kind) if e not in entries) for kind in kinds}
    return Ledger(**left)


def size(ledger: Ledger) -> int:
    """Return how many entries a ledger has."""
    return len(ledger.excuses) + len(ledger.quarantined)


def _wrong(entry: Known, lanes: Collection[str]) -> Iterable[str]:
    """Yield what is wrong with an entry."""
    for key in ("why", "who"):
        if not getattr(entry, key).strip():
            yield f"{key} is empty; say it for whoever reads this in a year"
    if not is_day(entry.since):
        yield f"since: {entry.since!r} {DAY}"
    allowed = (*lanes, NOWHERE) if isinstance(entry, MoveEntry) else ("", *lanes)
    if entry.lane not in allowed:
        yield f"unknown lane {entry.lane!r}; known: {', '.join(filter(None, allowed))}"
    if not entry.test.strip():
        yield "test: a pattern of node ids is needed; * is any"
    if isinstance(entry, LeakEntry):
        if ":" not in entry.what.strip("*") and entry.what != "*":
            yield f"what: {entry.what!r} is not a watcher and a thing, such as environ:HOME or attributes:app.*"
    elif isinstance(entry, SkipEntry):
        yield from _wrong_cause(entry, lanes)


def _wrong_cause(entry: SkipEntry, lanes: Collection[str]) -> Iterable[str]:
    """Yield what is wrong with the cause of a skip."""
    if len(entry.causes) != 1:
        named = ", ".join(name for name, _ in entry.causes) or "none"
        yield f"exactly one cause is needed ({', '.join((*CHECKS, 'elsewhere'))}); named: {named}"
        return
    ((name, value),) = entry.causes
    if name == "elsewhere":
        if value not in lanes:
            yield f"elsewhere: unknown lane {value!r}; known: {', '.join(lanes)}"
        elif value == entry.lane:
            yield f"elsewhere: {value!r} is the lane in which it is skipped"
    elif problem := CHECKS[name].wrong(value):
        yield f"{name}: {problem}"
