"""What is a flake, when are there too many, and which tests flake together?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, islice

import msgspec

from greenlane.evidence.history import DAY, Seen
from greenlane.evidence.quarantine import FlakyTest

SHARED = 0.5
"""Share of their failing runs that two tests must have in common to be of one cluster (Jaccard index)."""

MOST_TOGETHER = 50
"""Names of a cluster that each of its tests carries: a bad hour may have thousands."""


class Flake(msgspec.Struct, frozen=True, kw_only=True):
    """The same test, the same tree, both outcomes.

    Attributes:
        at: when the second of the two was seen (Unix seconds).
        runs: the two runs, or the one in which it was run again; machines: where they were.
    """

    at: float
    tree: str
    runs: tuple[str, ...]
    machines: tuple[str, ...]
    cause: str = ""


def flakes_of(seen: Iterable[Seen]) -> tuple[Flake, ...]:
    """Return the flakes of one test, oldest first.

    Each is a pair: an outcome and the first later one on the same tree that contradicts it, no outcome used twice. So
    one bad hour between green runs counts once for each failure, and a test that failed until it was repaired, on a
    tree of its own, never.

    Args:
        seen: the test in sound runs, in any order; the same run twice counts once.
    """
    by_tree: dict[str, dict[str, Seen]] = defaultdict(dict)
    for sight in seen:
        if sight.tree:
            by_tree[sight.tree].setdefault(sight.run, sight)
    found = [flake for sights in by_tree.values() for flake in _pairs(sights.values())]
    return tuple(sorted(found, key=lambda flake: (flake.at, flake.runs)))


def _pairs(sights: Iterable[Seen]) -> Iterable[Flake]:
    """Yield the contradictions on one tree."""
    waiting: list[Seen] = []
    for sight in sorted(sights, key=lambda sight: (sight.at, sight.run)):
        if sight.passed and sight.failed:
            yield _flake(sight)
        elif waiting and waiting[-1].failed != sight.failed:
            yield _flake(waiting.pop(), sight)
        elif sight.passed or sight.failed:
            waiting.append(sight)


def _flake(*sights: Seen) -> Flake:
    """Return the flake that one or two sights of a test make."""
    return Flake(
        at=sights[-1].at,
        tree=sights[-1].tree,
        runs=tuple(sight.run for sight in sights),
        machines=tuple(dict.fromkeys(sight.machine for sight in sights if sight.machine)),
        cause=next((sight.cause for sight in sights if sight.cause), ""),
    )


def recent(flakes: Iterable[Flake], now: float, days: int) -> tuple[Flake, ...]:
    """Return the flakes of the last days, the first moment of them included.

    Times are Unix seconds: neither a time zone nor a change of the clock on the wall moves them. A flake that a machine
    with a fast clock dates into the future is one of now.
    """
    return tuple(flake for flake in flakes if now - days * DAY <= min(flake.at, now))


def flaky_tests(
    seen: Iterable[Seen], runs: Mapping[tuple[str, str], int], now: float, days: int
) -> tuple[tuple[FlakyTest, tuple[Flake, ...]], ...]:
    """Return each test that flaked in the last days with its flakes, most flakes first.

    Args:
        seen: tests that failed, in every sound run on the trees on which they did.
        runs: sound outcomes in those days, by lane and test.
        now: Unix seconds; days: how far to look back.
    """
    by_test: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for sight in seen:
        by_test[sight.lane, sight.test].append(sight)
    flakes = {key: recent(flakes_of(sights), now, days) for key, sights in by_test.items()}
    flaky = {key: found for key, found in flakes.items() if found}
    failing = {key: _failures(by_test[key], now, days) for key in flaky}
    together = clusters({key: frozenset(sight.run for sight in sights) for key, sights in failing.items()})
    result = []
    for (lane, test), found in flaky.items():
        bad = failing[lane, test]
        flaky_test = FlakyTest(
            test=test, lane=lane, flakes=tuple(flake.at for flake in found),
            runs=max(runs.get((lane, test), 0), len(bad)), failures=len(bad), seen_in=tuple(s.run for s in bad),
            together=together[lane, test], cause=next((s.cause for s in reversed(bad) if s.cause), ""),
        )  # fmt: skip
        result.append((flaky_test, found))
    return tuple(sorted(result, key=lambda item: (-len(item[0].flakes), item[0].lane, item[0].test)))


def _failures(sights: Iterable[Seen], now: float, days: int) -> list[Seen]:
    """Return the runs of the last days in which a test failed, each once, oldest first."""
    bad = {s.run: s for s in sights if s.failed and now - days * DAY <= min(s.at, now)}
    return sorted(bad.values(), key=lambda sight: (sight.at, sight.run))


def clusters(failing: Mapping[tuple[str, str], frozenset[str]]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return for each test the others that fail in the same runs: they probably have one cause.

    Args:
        failing: runs in which a test failed, by lane and test.
    """
    # One bad hour makes hundreds of tests fail in the very same runs: those are compared as one.
    alike: dict[frozenset[str], list[tuple[str, str]]] = defaultdict(list)
    for key in sorted(failing):
        alike[failing[key]].append(key)
    by_run: dict[str, list[frozenset[str]]] = defaultdict(list)
    for runs in alike:
        for run in runs:
            by_run[run].append(runs)
    shared = Counter(pair for sets in by_run.values() for pair in combinations(sets, 2))
    neighbours: dict[frozenset[str], list[frozenset[str]]] = {runs: [] for runs in alike}
    for (one, other), count in shared.items():
        if count >= SHARED * (len(one) + len(other) - count):
            neighbours[one].append(other)
            neighbours[other].append(one)
    result: dict[tuple[str, str], tuple[str, ...]] = {}
    for runs, keys in alike.items():
        if keys[0] not in result:
            members = sorted(key for near in _reach(runs, neighbours) for key in alike[near])
            for key in members:
                others = (test for lane, test in members if (lane, test) != key)
                result[key] = tuple(islice(others, MOST_TOGETHER))
    return result


def _reach(start: frozenset[str], neighbours: Mapping[frozenset[str], Sequence[frozenset[str]]]) -> set[frozenset[str]]:
    """Return everything that is connected with a set of runs, and the set."""
    reached, todo = {start}, [start]
    while todo:
        new = set(neighbours[todo.pop()]) - reached
        reached |= new
        todo += new
    return reached


def explain(flakes: Sequence[Flake], stamp: Sequence[str]) -> tuple[str, ...]:
    """Return one line of evidence for each flake; `stamp` holds its time in words."""
    return tuple(
        f"{when}: {' and '.join(flake.runs)} on tree {flake.tree[:12]}"
        f"{' at ' + ', '.join(flake.machines) if flake.machines else ''}{': ' + flake.cause if flake.cause else ''}"
        for flake, when in zip(flakes, stamp, strict=True)
    )
