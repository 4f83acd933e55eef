"""What a JUnit case of any runner is called here, and what several cases of one name add up to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from greenlane.evidence.history import RecordedTest
from greenlane.evidence.outcome import Outcome

_WORST = (Outcome.ERROR, Outcome.FAILED, Outcome.PASSED, Outcome.SKIPPED)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One `testcase` as it is written, with the suite that it stands in.

    Attributes:
        seconds: what the case says that it took.
        both: whether the case itself says that it failed and was run again until it passed, as Maven writes it.
    """

    suite: str = ""
    classname: str = ""
    name: str = ""
    file: str = ""
    outcome: Outcome = Outcome.PASSED
    seconds: float = 0.0
    both: bool = False
    cause: str = ""


def name_of(case: Case, known: Mapping[tuple[str, str], str]) -> str:
    """Return the name of a case: pytest's node id where it is one of pytest's, else `class::name`.

    Args:
        known: node ids that the lane has already, by class name and name as pytest writes them into JUnit.
    """
    ours = known.get((case.classname, case.name))
    if ours:
        return ours
    if case.suite == "pytest" and case.classname:
        return _node_id(case)
    # Some runners repeat the whole name in both places, or leave the class out.
    owner = case.classname if case.classname != case.name else case.suite
    return "::".join(filter(None, (owner or case.file or case.suite, case.name)))


def _node_id(case: Case) -> str:
    """Return pytest's node id: `a.test_b.TestC` and `test_d` are `a/test_b.py::TestC::test_d`."""
    parts = case.classname.split(".")
    first_class = next((i for i, part in enumerate(parts) if part[:1].isupper()), len(parts))
    path = case.file or "/".join(parts[:first_class]) + ".py"
    return "::".join((path, *parts[first_class:], case.name))


def settled(cases: Iterable[Case], known: Mapping[tuple[str, str], str]) -> tuple[RecordedTest, ...]:
    """Return one outcome for each name.

    A name that is there twice was run again: the last run counts, and two that differ are both outcomes at once. An
    `error` beside another case is a failed tear-down, as pytest writes it, and counts alone.
    """
    by_name: dict[str, list[Case]] = {}
    for case in cases:
        by_name.setdefault(name_of(case, known), []).append(case)
    return tuple(_settle(name, same) for name, same in by_name.items())


def _settle(name: str, cases: list[Case]) -> RecordedTest:
    """Return what the cases of one name add up to."""
    cause = next((case.cause for case in cases if case.cause), "")
    seconds = sum(case.seconds for case in cases)
    outcomes = {case.outcome for case in cases}
    if Outcome.ERROR in outcomes:
        return RecordedTest(name, Outcome.ERROR, seconds, False, cause)
    both = any(case.both for case in cases) or outcomes >= {Outcome.PASSED, Outcome.FAILED}
    final = cases[-1].outcome if cases[-1].outcome is not Outcome.SKIPPED else min(outcomes, key=_WORST.index)
    return RecordedTest(name, final, seconds, both, cause)
