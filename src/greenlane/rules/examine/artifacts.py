"""Are the artifacts whole, of this run, and do they agree?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from greenlane.model.evidence import Demand, JunitCase, LaneEvidence
from greenlane.model.outcome import Outcome
from greenlane.model.violation import Code, Violation

_JUNIT_KIND = {Outcome.XFAILED: Outcome.SKIPPED, Outcome.XPASSED: Outcome.PASSED}
_WORST = (Outcome.ERROR, Outcome.FAILED, Outcome.SKIPPED, Outcome.PASSED)


def damaged(evidence: LaneEvidence, demand: Demand) -> Iterable[Violation]:
    """TRUNCATED for each artifact that is missing, unreadable or not as the lane left it."""
    for problem in (*evidence.damage, *evidence.journal.damage):
        yield Violation(code=Code.TRUNCATED, message=problem)


def stale(evidence: LaneEvidence, demand: Demand) -> Iterable[Violation]:
    """STALE for evidence from another run, tree state or lock."""
    record = evidence.record
    foreign = sorted(set(evidence.journal.run_ids) - {record.run_id})
    if foreign:
        yield Violation(code=Code.STALE, message=f"the journal holds lines of another run: {', '.join(foreign)}")
    if demand.run_id and record.run_id != demand.run_id:
        yield Violation(code=Code.STALE, message=f"evidence is from run {record.run_id}, not from {demand.run_id}")
    if record.tree_after and record.tree_after != record.tree:
        yield Violation(code=Code.STALE, message="files of the work tree changed while the lane ran")
    elif demand.tree and record.tree != demand.tree:
        yield Violation(
            code=Code.STALE, message=f"evidence is for tree {record.tree[:12]}, the work tree is {demand.tree[:12]}"
        )
    lock = demand.locks.get(record.lane)
    if lock and record.lock != lock:
        yield Violation(code=Code.STALE, message=f"evidence was made with lock {record.lock[:12]}, not {lock[:12]}")


def junit_key(nodeid: str) -> tuple[str, str]:
    """Return the class name and name that pytest writes into JUnit for a node id."""
    path, bracket, parameters = nodeid.partition("[")
    names = path.split("::")
    names[0] = names[0].removesuffix(".py").replace("/", ".")
    names[-1] += bracket + parameters
    return ".".join(names[:-1]), names[-1]


def _escaped(text: str) -> str:
    """Return text as XML can hold it: pytest writes other characters as #xNN, so both sides are reduced."""
    return "".join(c for c in text if c.isalnum() or c in "._-/")


def _worst(cases: Iterable[JunitCase]) -> dict[tuple[str, str], Outcome]:
    """Return the worst outcome by test, because a failed tear-down adds a second case."""
    result: dict[tuple[str, str], Outcome] = {}
    for case in cases:
        key = (_escaped(case.classname), _escaped(case.name))
        known = result.get(key, Outcome.PASSED)
        result[key] = min(known, case.outcome, key=_WORST.index)
    return result


def junit_mismatch(evidence: LaneEvidence, demand: Demand) -> Iterable[Violation]:
    """JUNIT_MISMATCH where the JUnit file names other tests or outcomes than the journal."""
    if evidence.junit is None or evidence.record.timed_out or evidence.record.interrupted:
        return
    expected: dict[tuple[str, str], Outcome] = {}
    for test in evidence.journal.outcomes:
        classname, name = junit_key(test.nodeid)
        expected[_escaped(classname), _escaped(name)] = _JUNIT_KIND.get(test.outcome, test.outcome)
    found = _worst(evidence.junit)
    own = {key: outcome for key, outcome in found.items() if key in expected}
    unknown = len([key for key in found if key not in expected]) - len(evidence.journal.collect_errors)
    if unknown > 0 and not evidence.journal.open_tests:
        yield Violation(code=Code.JUNIT_MISMATCH, message=f"{unknown} JUnit cases are not in the journal")
    absent = [key for key in expected if key not in own]
    if absent:
        name = ".".join(absent[0])
        yield Violation(
            code=Code.JUNIT_MISMATCH, message=f"{len(absent)} tests are not in the JUnit file, {name} among them"
        )
    told = Counter(
        (expected[key].value, outcome.value)
        for key, outcome in own.items()
        if (outcome in (Outcome.FAILED, Outcome.ERROR)) != expected[key].bad
        or (outcome is Outcome.SKIPPED) != (expected[key] is Outcome.SKIPPED)
    )
    for (journal, junit), count in sorted(told.items()):
        yield Violation(
            code=Code.JUNIT_MISMATCH, message=f"{count} tests are {journal} in the journal and {junit} in JUnit"
        )
