"""One cause is told once: the violations that follow from another, or repeat it, are folded under it.

A presentation of the verdict for people; the verdict itself keeps every violation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from greenlane.evidence.violation import Code, Violation
from greenlane.judge.examiners.outcomes import NEVER_BEGAN, NO_REASON
from greenlane.judge.lasting import lasting

_RETOLD = re.compile(r"(?:Failed: )?(LEAK|NETWORK|UNHANDLED) ")
"""A guard fails the test with the words of its own violation."""

_REFUSED = " would leave the loopback of this lane"
"""Words of the guard that a library's own error may wrap."""

_WARNED = re.compile(r"(?:pytest\.)?Pytest(?:UnhandledThread|Unraisable)ExceptionWarning")
"""How pytest itself fails a test where the project's filters make an error of its warning."""

_CRASH = (Code.INTERRUPTED, Code.SERVICE_DOWN, Code.TIMED_OUT, Code.ERROR)
FOLLOWS: dict[Code, tuple[Code, ...]] = {
    Code.ERROR: (Code.INTERRUPTED, Code.SERVICE_DOWN),
    Code.MISSING_OUTCOME: (Code.INTERRUPTED, Code.SERVICE_DOWN, Code.TIMED_OUT),
    Code.NO_TESTS: (*_CRASH, Code.DRIFT, Code.MISSING_OUTCOME),
    Code.PARTIAL: (Code.INTERRUPTED,),
    Code.EXIT_MISMATCH: (*_CRASH, Code.DRIFT, Code.MISSING_OUTCOME, Code.NO_TESTS),
    Code.JUNIT_MISMATCH: (*_CRASH, Code.DRIFT, Code.MISSING_OUTCOME, Code.NO_TESTS, Code.EXIT_MISMATCH),
    Code.TRUNCATED: (*_CRASH, Code.DRIFT, Code.MISSING_OUTCOME, Code.NO_TESTS, Code.EXIT_MISMATCH),
    Code.NETWORK: (Code.DRIFT,),
    Code.COVERAGE_LOW: (*_CRASH, Code.DRIFT, Code.NO_TESTS),
}
"""What a violation of a whole lane may follow from in the same check, the likeliest reason first."""


_CANNOT_RUN = frozenset({
    Code.INTERRUPTED, Code.CONFIG_ERROR, Code.ADDRESS_DRIFT, Code.GROUP_MISSING, Code.DRIFT, Code.SERVICE_DOWN,
    Code.NO_TESTS, Code.MISSING_OUTCOME, Code.ERROR, Code.TIMED_OUT,
})  # fmt: skip
"""What keeps a lane, or a file of it, from running: nothing else counts before it is mended."""

_ORDER = (
    frozenset({Code.NETWORK}),
    frozenset(
        {
            Code.FAILED,
            Code.ERROR,
            Code.TIMED_OUT,
            Code.MISSING_OUTCOME,
            Code.UNHANDLED,
            Code.FLAKY_IN_CORE,
            Code.CANNED,
        }
    ),
    frozenset({Code.LEAK}),
    frozenset({Code.SKIPPED}),
)
"""The order of the other codes, worst first; what is not here is the rest."""


_BY_WORDS = (Code.NETWORK, Code.UNHANDLED, Code.LANE_GAP, Code.LANE_OVERLAP)
"""Codes of which the same words at the same place are the same cause."""


class Cause(msgspec.Struct, frozen=True):
    """One reason for red: the violation that tells most, and those that follow from it or say the same."""

    head: Violation
    related: tuple[Violation, ...] = ()

    @property
    def tests(self) -> tuple[str, ...]:
        """Every test, file or service that it is about, the head's first."""
        return tuple(dict.fromkeys(v.subject for v in (self.head, *self.related) if v.subject))


def rank(violation: Violation) -> int:
    """Return where a violation belongs: what cannot run, network, failures, leaks, skips, the rest."""
    if violation.code in _CANNOT_RUN and "::" not in violation.subject:
        return 0
    return next((number for number, codes in enumerate(_ORDER, 1) if violation.code in codes), len(_ORDER) + 1)


def group(violations: Sequence[Violation]) -> tuple[Cause, ...]:
    """Return the causes of violations, worst first and else in the order of their heads."""
    known = _Known(violations)
    parents = [known.parent(index) for index in range(len(violations))]
    members: dict[int, list[Violation]] = {}
    for index, violation in enumerate(violations):
        root = _head(parents, index)
        own = members.setdefault(root, [])
        if root != index:
            own.append(violation)
    roots = sorted(members, key=lambda root: (rank(violations[root]), root))
    return tuple(Cause(violations[root], tuple(members[root])) for root in roots)


def _head(parents: Sequence[int | None], index: int) -> int:
    """Return where the parents of a violation lead; where some are folded under each other, the first of these."""
    way = [index]
    while (above := parents[way[-1]]) is not None:
        if above in way:
            return min(way[way.index(above) :])
        way.append(above)
    return way[-1]


def in_order(violations: Sequence[Violation]) -> list[Violation]:
    """Return violations as a report of limited size should have them: the heads of the causes, then the others."""
    causes = group(violations)
    return [cause.head for cause in causes] + [violation for cause in causes for violation in cause.related]


class _Known:
    """Violations by what others look for."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        self._all = violations
        self._of_test: dict[tuple[str, Code, str], int] = {}
        self._of_lane: dict[tuple[str, Code], int] = {}
        self._same: dict[tuple[str, ...], int] = {}
        self._left: dict[tuple[str, ...], int] = {}
        for index, violation in enumerate(violations):
            self._of_test.setdefault((violation.check, violation.code, violation.subject), index)
            if _of_lane(violation):
                self._of_lane.setdefault((violation.check, violation.code), index)
            if same := _same(violation):
                self._same.setdefault(same, index)
            if left := _left(violation):
                self._left.setdefault(left, index)

    def parent(self, index: int) -> int | None:
        """Return the violation that one is folded under; None for a head."""
        violation = self._all[index]
        found = self._about_the_same_test(violation)
        if found is None and not (_waits(violation) and self._about_the_lane(violation) is not None):
            found = self._same.get(_same(violation))
        if found == index:
            found = self._left.get(_left(violation), index)
        if found is None or found == index:
            found = self._about_the_lane(violation)
        return found if found != index else None

    def _about_the_same_test(self, violation: Violation) -> int | None:
        """Return what says the same of the same test."""
        repeated = _RETOLD.match(violation.cause)
        if violation.code in (Code.FAILED, Code.ERROR):
            if repeated:
                return self._test(violation, Code(repeated[1]))
            if _WARNED.match(violation.cause):
                return self._test(violation, Code.UNHANDLED)
            if _REFUSED in violation.cause:
                return self._test(violation, Code.NETWORK)
        if violation.code is Code.FLAKY_IN_CORE:
            return self._test(violation, Code.FAILED, Code.ERROR)
        if violation.code is Code.MISSING_OUTCOME and violation.subject:
            return self._test(violation, Code.TIMED_OUT)
        return None

    def _test(self, violation: Violation, *codes: Code) -> int | None:
        """Return the first violation of the same subject with one of the codes."""
        found = (self._of_test.get((violation.check, code, violation.subject)) for code in codes)
        return next((index for index in found if index is not None), None)

    def _about_the_lane(self, violation: Violation) -> int | None:
        """Return what made the whole lane go wrong, else the first of the same kind."""
        waits = _waits(violation)
        named = violation.code is Code.MISSING_OUTCOME and violation.subject and not waits
        if named or not (waits or _of_lane(violation)):
            return None
        reasons = FOLLOWS.get(violation.code, ())
        if waits:
            reasons = (*reasons, Code.ERROR, Code.PARTIAL, Code.MISSING_OUTCOME)
        elif violation.code is Code.ERROR and not violation.subject:
            reasons = (*reasons, Code.MISSING_OUTCOME)
        if not violation.subject:
            reasons = (*reasons, violation.code)
        found = [self._of_lane.get((violation.check, code)) for code in reasons]
        return next((reason for reason in found if reason is not None), None)


def _of_lane(violation: Violation) -> bool:
    """Whether a violation is about more than one test, so that others can follow from it."""
    if violation.code is Code.MISSING_OUTCOME:
        return violation.cause != NEVER_BEGAN
    return "::" not in violation.subject or violation.code is Code.TIMED_OUT


def _waits(violation: Violation) -> bool:
    """Whether a violation is about a test that was still to come when its lane ended."""
    return violation.cause == NEVER_BEGAN


def _left(violation: Violation) -> tuple[str, ...]:
    """Return what things that one test left share: the line that did it, or what changed of an object of two names."""
    what = violation.thing.partition(":")[2]
    how = f"{violation.path}:{violation.line}" if violation.line else violation.cause
    # `from a import TABLE`: one table, which two modules have under the same name.
    named = violation.line or "." in what
    return (violation.check, violation.subject, how.replace(what, what.rpartition(".")[2])) if what and named else ()


def _same(violation: Violation) -> tuple[str, ...]:
    """Return what violations of one cause share; nothing for one that is a cause by itself.

    Of failures that is the line, be it a library's that many lines call, and the words; of a leak the thing and the
    line, or the test and the line; of a skip the words alone, for a mark stands at each of its tests; of the rest the
    words, where they are about a test, and the line. What differs from one of a kind to the next is no part of them.
    """
    place = violation.raised or (f"{violation.path}:{violation.line}" if violation.line else "")
    if violation.thing:
        return violation.code, lasting(violation.thing), place
    if violation.code in (Code.FAILED, Code.ERROR):
        return (violation.code, lasting(violation.cause), place) if place else ()
    if _waits(violation):
        return violation.code, violation.cause, violation.check
    if violation.code is Code.SKIPPED and not violation.cause.endswith(NO_REASON):
        return violation.code, lasting(violation.cause)
    if violation.code in (*_BY_WORDS, Code.SKIPPED) and violation.cause:
        return violation.code, lasting(violation.cause), place
    return ()
