"""Are the artifacts whole, of this run, and do they agree?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from greenlane.evidence.artifacts import JOURNAL, JUNIT
from greenlane.evidence.evidence import LaneEvidence, Requirements
from greenlane.evidence.outcome import Outcome
from greenlane.evidence.violation import Code, Violation

_JUNIT_KIND = {Outcome.XFAILED: Outcome.SKIPPED, Outcome.XPASSED: Outcome.PASSED}
_WORST = (Outcome.ERROR, Outcome.FAILED, Outcome.SKIPPED, Outcome.PASSED)
_ILLEGAL = r"[^\t\n\r\x20-\x7e\x80-\ud7ff\ue000-\ufffd]"
"""What pytest does not write into XML as it is (`_pytest.junitxml.bin_xml_escape`). It is dear to compile."""


def damaged(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """TRUNCATED for each artifact that is missing, unreadable or not as the lane left it."""
    # A pytest that complained before any plugin could speak writes neither journal nor report.
    unwritten = bool(evidence.record.complaint) and not evidence.journal.run_ids
    for problem in (*evidence.record.damage, *evidence.damage, *evidence.journal.damage):
        if not (unwritten and problem.startswith((f"{JOURNAL} is missing", f"{JUNIT} is missing"))):
            yield Violation(Code.TRUNCATED, problem)


SHOWN = 3
"""How many files that changed are named."""


def stale(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """STALE for evidence from another run, tree state or lock."""
    record = evidence.record
    foreign = sorted(set(evidence.journal.run_ids) - {record.run_id})
    if foreign:
        yield Violation(Code.STALE, f"the journal holds lines of another run: {', '.join(foreign)}")
    if requirements.run_id and record.run_id != requirements.run_id and not evidence.still_true:
        yield Violation(Code.STALE, f"evidence is from run {record.run_id}, not from {requirements.run_id}")
    if record.tree_after and record.tree_after != record.tree:
        yield Violation(Code.STALE, f"files of the work tree changed while the lane ran{_changes(evidence)}")
    tree = evidence.vouched.tree if evidence.vouched is not None and evidence.still_true else record.tree
    if requirements.tree and record.tree_after in ("", record.tree) and tree != requirements.tree:
        yield Violation(Code.STALE, f"evidence is for tree {tree[:12]}, the work tree is {requirements.tree[:12]}")
    kind = requirements.kinds.get(record.lane, record.kind)
    if record.kind != kind:
        yield Violation(Code.STALE, f"evidence is of a {record.kind} lane; {record.lane} is {kind}")
    lock = requirements.locks.get(record.lane)
    # A lane whose environment could not be built never came to have a lock; it is red for that.
    if lock and record.environment.lock != lock and not record.result.failure:
        yield Violation(Code.STALE, f"evidence was made with lock {record.environment.lock[:12]}, not {lock[:12]}")


def _changes(evidence: LaneEvidence) -> str:
    """Return which files changed, with the test that made each where the leak guard saw it."""
    makers = {leak.what: leak.nodeid for leak in evidence.journal.leaks if leak.watcher == "files"}
    paths = evidence.record.tree_changes
    named = [f"{path} (by {makers[path]})" if path in makers else path for path in paths[:SHOWN]]
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return f": {', '.join(named)}{more}" if named else ""


def junit_key(nodeid: str) -> tuple[str, str]:
    """Return the class name and name that pytest writes into JUnit for a node id."""
    path, colons, tail = nodeid.partition("::")
    head, bracket, parameters = tail.partition("[")
    names = [_dotted(path), *(head.split("::") if colons else ())]
    names[-1] += f"[{parameters.removesuffix(']')}]" if bracket else ""
    return ".".join(names[:-1]), written(names[-1])


def _older_key(nodeid: str) -> tuple[str, str]:
    """Return the same as pytest before 9.2 wrote it, which took a bracket in a path for parameters."""
    path, bracket, parameters = nodeid.partition("[")
    names = path.split("::")
    names[0] = _dotted(names[0])
    names[-1] += bracket + parameters
    return ".".join(names[:-1]), written(names[-1])


def _dotted(path: str) -> str:
    """Return a path as a module name."""
    return path.removesuffix(".py").replace("/", ".")


def written(text: str) -> str:
    """Return text as pytest writes it into XML: characters that XML cannot hold become #xNN.

    Versions of pytest differ above U+FFFF, so both sides of a comparison are brought to this form.
    """
    if text.isascii() and text.isprintable():  # nearly every name, in a tenth of the time
        return text
    return re.sub(_ILLEGAL, lambda match: f"#x{ord(match.group()):02X}", text)


def _worst(entries: Iterable[tuple[tuple[str, str], Outcome]]) -> dict[tuple[str, str], Outcome]:
    """Return the worst outcome by key: a failed tear-down adds a second case, and two node ids may share a key."""
    result: dict[tuple[str, str], Outcome] = {}
    for key, outcome in entries:
        known = result.get(key)
        result[key] = outcome if known is None else min(known, outcome, key=_WORST.index)
    return result


def junit_mismatch(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """JUNIT_MISMATCH where the JUnit file names other tests or outcomes than the journal."""
    if evidence.junit is None or evidence.record.result.timed_out or evidence.record.result.interrupted:
        return
    journal = evidence.journal
    tests = (*journal.collect_errors, *journal.outcomes)
    names = (*(test.nodeid for test in tests), *journal.selected, *journal.open_tests)
    keys = {nodeid: junit_key(nodeid) for nodeid in dict.fromkeys(names)}
    expected = _worst((keys[test.nodeid], _JUNIT_KIND.get(test.outcome, test.outcome)) for test in tests)
    older = {_older_key(nodeid): key for nodeid, key in keys.items() if "[" in nodeid}
    cases = [((case.classname, written(case.name)), case.outcome) for case in evidence.junit]
    found = _worst((older.get(key, key), outcome) for key, outcome in cases)
    own = {key: outcome for key, outcome in found.items() if key in expected}
    # pytest writes a case for a test whose worker died; that it has no outcome is MISSING_OUTCOME already.
    lost = {keys[nodeid] for nodeid in (*journal.selected, *journal.open_tests)}
    unknown = [key for key in found if key not in expected and key not in lost]
    if unknown:
        name = ".".join(filter(None, unknown[0]))
        yield Violation(Code.JUNIT_MISMATCH, f"{len(unknown)} JUnit cases are not in the journal, {name} among them")
    absent = [key for key in expected if key not in own]
    if absent:
        name = ".".join(filter(None, absent[0]))
        yield Violation(Code.JUNIT_MISMATCH, f"{len(absent)} tests are not in the JUnit file, {name} among them")
    differences = Counter(
        (expected[key].value, outcome.value)
        for key, outcome in own.items()
        if (outcome in (Outcome.FAILED, Outcome.ERROR)) != expected[key].bad
        or (outcome is Outcome.SKIPPED) != (expected[key] is Outcome.SKIPPED)
    )
    for (here, there), count in sorted(differences.items()):
        yield Violation(Code.JUNIT_MISMATCH, f"{count} tests are {here} in the journal and {there} in JUnit")
