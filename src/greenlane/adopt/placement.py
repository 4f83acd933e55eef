"""Which lane each test belongs to, by what it did while the suite was observed."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from greenlane.evidence.evidence import JournalFacts
from greenlane.evidence.journal import NetworkAttempt
from greenlane.evidence.outcome import Outcome, TestOutcome

MISSING = "began and never ended"


class Place(enum.StrEnum):
    """Where a test belongs; the value is the name of the lane."""

    CORE = "core"
    ND = "nd"
    RELEASE = "release"
    BROKEN = "broken"


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A test, or a file that could not be collected, and where it belongs.

    Attributes:
        nodeid: of the test; the path of a file that could not be collected.
        place: where it belongs; why: what it did, in one line; empty for `core`.
    """

    nodeid: str
    place: Place
    why: str = ""


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What a suite did while it was observed.

    Attributes:
        first, second: two equal runs, in the suite's own order.
        shuffled: a run in random order; None where there was none.
        plainly: outcomes under plain pytest of tests that failed in both equal runs, by node id.
    """

    first: JournalFacts
    second: JournalFacts
    shuffled: JournalFacts | None = None
    plainly: dict[str, TestOutcome] = {}

    @property
    def runs(self) -> tuple[JournalFacts, ...]:
        """Every run."""
        return (self.first, self.second, *((self.shuffled,) if self.shuffled else ()))


def place(observed: Observed) -> list[Placed]:
    """Return where each test belongs, in the order of their collection; files that could not be collected come first.

    A test belongs to `core` until it shows otherwise: `release` where it called a host outside or lacked a secret, `nd`
    where it needs something of this machine or differs between equal runs, `broken` where it fails by itself.
    """
    escapes = _by_test(observed)
    ends = [_ends(run) for run in (observed.first, observed.second)]
    files = dict.fromkeys(error.nodeid for run in observed.runs for error in run.collect_errors)
    placed = [_file(observed, nodeid, escapes.get(nodeid, ())) for nodeid in files]
    secrets = _secrets(observed)
    whole = (test.nodeid for test in observed.first.outcomes if "::" not in test.nodeid)  # a file that skips itself
    for nodeid in dict.fromkeys((*observed.first.collected, *observed.second.collected, *whole)):
        where, why = _place(escapes.get(nodeid, ()), secrets.get(nodeid, ""), [end.get(nodeid) for end in ends])
        if where is Place.BROKEN:
            where, why = _broken(why, observed.plainly.get(nodeid))
        placed.append(Placed(nodeid=nodeid, place=where, why=why))
    return placed


def failing(observed: Observed) -> tuple[str, ...]:
    """Return what went wrong in both equal runs; only plain pytest tells whose fault that is."""
    without_plain_run = msgspec.structs.replace(observed, plainly={})
    return tuple(test.nodeid for test in place(without_plain_run) if test.place is Place.BROKEN)


def differing(first: JournalFacts, second: JournalFacts) -> tuple[str, ...]:
    """Return the tests that end otherwise in one of two runs than in the other.

    How one ends that tried to leave, the network decides; it is not of `core` in any case.
    """
    ends = [_ends(first), _ends(second)]
    left = {attempt.nodeid for run in (first, second) for attempt in run.network}
    every = [nodeid for nodeid in dict.fromkeys((*ends[0], *ends[1])) if nodeid not in left]
    return tuple(n for n in every if len({end[n].outcome if n in end else None for end in ends}) > 1)


def order_dependent(observed: Observed) -> tuple[str, ...]:
    """Return the tests that pass in the suite's own order, and fail in a random one."""
    if observed.shuffled is None:
        return ()
    own, shuffled = _ends(observed.first), _ends(observed.shuffled)
    belongs = {test.nodeid: test.place for test in place(observed)}
    return tuple(
        nodeid for nodeid, end in shuffled.items()
        if _bad(end) and nodeid in own and not _bad(own[nodeid]) and belongs.get(nodeid) is Place.CORE
    )  # fmt: skip


def _ends(run: JournalFacts) -> dict[str, TestOutcome]:
    """Return how each test of a run ended; one that never did is an error."""
    found = {test.nodeid: test for test in run.outcomes}
    for nodeid in run.selected:
        found.setdefault(nodeid, TestOutcome(nodeid=nodeid, outcome=Outcome.ERROR, cause=MISSING))
    return found


def _bad(end: TestOutcome | None) -> bool:
    return end is None or end.outcome.bad


def _by_test(observed: Observed) -> dict[str, tuple[NetworkAttempt, ...]]:
    """Return the attempts to leave the loopback, by test or file."""
    found: dict[str, tuple[NetworkAttempt, ...]] = {}
    for attempt in (attempt for run in observed.runs for attempt in run.network):
        found[attempt.nodeid] = (*found.get(attempt.nodeid, ()), attempt)
    return found


def _secrets(observed: Observed) -> dict[str, str]:
    """Return the name of a secret that a test asked for and did not get; what a file asked for, all its tests did."""
    read = {event.nodeid: event.name for run in observed.runs for event in run.secret_reads}
    tests = dict.fromkeys(nodeid for run in observed.runs for nodeid in run.collected)
    found = {nodeid: name for nodeid in tests if (name := read.get(nodeid) or read.get(nodeid.split("::")[0]))}
    return found


def _place(attempts: tuple[NetworkAttempt, ...], secret: str, ends: list[TestOutcome | None]) -> tuple[Place, str]:
    """Return where one test belongs and why; `broken` is to be proved by plain pytest."""
    if attempts:
        return _escaped(attempts)
    first, second = ends
    if secret and not (first and first.outcome is Outcome.PASSED):
        how = f"{first.outcome}: {first.reason or first.cause}" if first else MISSING
        return Place.RELEASE, f"asked for {secret}, which it did not get, and ended as {how}"
    if first is None or second is None or first.outcome is not second.outcome:
        endings = [f"{end.outcome}{f' ({end.cause})' if end.cause else ''}" if end else "not collected" for end in ends]
        return Place.ND, f"differs between equal runs: {endings[0]}, then {endings[1]}"
    if first.outcome.bad:
        return Place.BROKEN, first.cause or "no message"
    return Place.CORE, ""


def _escaped(attempts: tuple[NetworkAttempt, ...]) -> tuple[Place, str]:
    """Return where a test belongs that tried to leave its loopback: what lies in the file system is this machine's."""
    attempt = attempts[0]
    where = f" at {attempt.where}" if attempt.where else ""
    outside = not attempt.address.startswith(("/", "unix", "@", "\0"))
    place = Place.RELEASE if outside else Place.ND
    return place, f"{attempt.operation} {attempt.address}{where}"


def _broken(why: str, plainly: TestOutcome | None) -> tuple[Place, str]:
    """Return where a test belongs that failed in both equal runs, by how it ends under plain pytest."""
    if plainly is not None and not plainly.outcome.bad:
        return Place.ND, f"passes under plain pytest, and not when it is cut off: {why}"
    return Place.BROKEN, (plainly.cause if plainly is not None else "") or why


def _file(observed: Observed, nodeid: str, attempts: tuple[NetworkAttempt, ...]) -> Placed:
    """Return where a file belongs that could not be collected."""
    error = next(e for run in observed.runs for e in run.collect_errors if e.nodeid == nodeid)
    if attempts:
        where, why = _escaped(attempts)
    else:
        where, why = _broken(error.cause, observed.plainly.get(nodeid))
    return Placed(nodeid=nodeid, place=where, why=why)


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """How placements are written down.

    Attributes:
        files: files of which every test belongs to a lane, by place.
        marks: the mark that has exactly the tests that are left for a lane, by place.
        rows: single tests, as patterns of the ledger, with place and why.
    """

    files: dict[Place, tuple[str, ...]] = {}
    marks: dict[Place, str] = {}
    rows: tuple[Placed, ...] = ()


def layout(placed: Iterable[Placed], marks: Mapping[str, tuple[str, ...]]) -> Layout:
    """Return placements as files and marks where these explain them, and as single rows otherwise.

    Args:
        placed: where each test belongs; marks: marks by node id.
    """
    tests = list(placed)
    whole: dict[str, set[Place]] = {}
    for test in tests:
        whole.setdefault(test.nodeid.split("::")[0], set()).add(test.place)
    files: dict[Place, list[str]] = {}
    for file, places in whole.items():
        if len(places) == 1 and places <= {Place.ND, Place.RELEASE}:
            files.setdefault(next(iter(places)), []).append(file)
    done = {file for names in files.values() for file in names}
    left = [test for test in tests if test.nodeid.split("::")[0] not in done]
    explained = dict(_marks(left, marks))
    rows = [t for t in left if t.place is not Place.CORE and t.place not in explained]
    return Layout(
        files={place: tuple(names) for place, names in files.items()}, marks=explained, rows=tuple(_grouped(rows, left))
    )


def _marks(tests: list[Placed], marks: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[Place, str]]:
    """Yield for a place the mark that has exactly its tests, if there is one and it has more than one test."""
    having: dict[str, set[str]] = {}
    for test in tests:
        for name in marks.get(test.nodeid, ()):
            having.setdefault(name, set()).add(test.nodeid)
    for place in (Place.ND, Place.RELEASE):
        wanted = {test.nodeid for test in tests if test.place is place}
        found = [name for name, nodeids in having.items() if nodeids == wanted]
        if len(wanted) > 1 and found:
            yield place, min(found)


def _grouped(rows: list[Placed], tests: list[Placed]) -> Iterator[Placed]:
    """Yield rows; those of one parametrised test of which every case belongs to one place are one row."""
    cases: dict[str, set[str]] = {}
    for test in tests:
        cases.setdefault(test.nodeid.split("[")[0], set()).add(test.nodeid)
    by_test: dict[tuple[str, Place], list[Placed]] = {}
    for row in rows:
        by_test.setdefault((row.nodeid.split("[")[0], row.place), []).append(row)
    for (name, _), members in by_test.items():
        if len(members) > 1 and {member.nodeid for member in members} == cases[name]:
            yield msgspec.structs.replace(members[0], nodeid=f"{name}[*")
        else:
            yield from members
