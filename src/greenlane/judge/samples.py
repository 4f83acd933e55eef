"""Samples of one test: their seeds, and the judgement of k among n."""

from __future__ import annotations

import ast
import hashlib
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from greenlane.config.lanes import LaneKind
from greenlane.evidence.evidence import LaneEvidence, LaneRecord
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.evidence.samples import Declared, FailedSample, SampleGroup, SampleResult
from greenlane.evidence.violation import Code, Violation
from greenlane.judge.binomial import interval, needed_for, runs_for, too_few
from greenlane.judge.census import statements_of

MOST = 1000
"""Samples that one test may have."""

CHANCE = 0.01
"""How often a check may be red by chance before it is told."""

MARK = "samples"
_SUFFIX = re.compile(r"(\[|-)sample(\d+)\]$")
_SEEDS = 2**31
"""Seeds are below this: what a 32-bit signed integer of a model server holds."""


def sample_id(number: int) -> str:
    """Return how the node id of a sample ends, inside its brackets; the first is number 1."""
    return f"sample{number}"


def group_of(nodeid: str) -> tuple[str, int]:
    """Return the test that a sample is of, and its number; number 0 for a test that is no sample."""
    match = _SUFFIX.search(nodeid)
    if match is None:
        return nodeid, 0
    return nodeid[: match.start()] + ("]" if match.group(1) == "-" else ""), int(match.group(2))


def seed_of(run_seed: int, nodeid: str) -> int:
    """Return the seed of a sample: the same for the same run seed and node id, on every machine."""
    digest = hashlib.sha256(f"{run_seed}\0{nodeid}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % _SEEDS


def wrong_numbers(n: object, at_least: object, kind: str) -> str:
    """Return what is wrong with the numbers of a mark; empty for nothing.

    Args:
        kind: of the lane; in a deterministic one every sample must pass.
    """
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= MOST:
        return f"n is {n!r}; a number from 1 to {MOST} is needed"
    if isinstance(at_least, bool) or not isinstance(at_least, int) or not 1 <= at_least <= n:
        return f"at_least is {at_least!r}; a number from 1 to {n} is needed"
    if kind == LaneKind.DETERMINISTIC and at_least < n:
        return f"at_least is {at_least} of {n}; in a deterministic lane every sample must pass"
    return ""


def declarations(path: str, source: bytes) -> list[Declared]:
    """Return the marks that a test file's text has, with numbers written out; none for a file that is no Python.

    Args:
        path: of the file, relative to the project, with slashes.
        source: its content.
    """
    return list(_declared(path, statements_of(source), None))


def _declared(prefix: str, body: Sequence[ast.stmt], outer: tuple[int, int] | None) -> Iterator[Declared]:
    """Yield the marks of a scope; the closest one counts, as in pytest."""
    for statement in body:
        if isinstance(statement, ast.Assign) and _names_pytestmark(statement):
            value = statement.value
            entries = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
            outer = _numbers(entries) or outer
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            found = _numbers(statement.decorator_list) or outer
            if found:
                yield Declared(test=f"{prefix}::{statement.name}", n=found[0], at_least=found[1])
        elif isinstance(statement, ast.ClassDef):
            inner = _numbers(statement.decorator_list) or outer
            yield from _declared(f"{prefix}::{statement.name}", statement.body, inner)


def _names_pytestmark(statement: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in statement.targets)


def _numbers(expressions: Iterable[ast.expr]) -> tuple[int, int] | None:
    """Return n and at_least of the first `pytest.mark.samples(…)` among expressions; None without one."""
    for node in expressions:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == MARK:
            given = {"n": node.args[0]} if node.args else {}
            given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
            values = {name: value.value for name, value in given.items() if isinstance(value, ast.Constant)}
            n, at_least = values.get("n"), values.get("at_least", None if "at_least" in given else values.get("n"))
            if isinstance(n, int) and isinstance(at_least, int):
                return n, at_least
    return None


def results(evidence: LaneEvidence) -> tuple[SampleResult, ...]:
    """Return what the samples of each test came to; tests all of whose samples were skipped have no result."""
    outcomes = {test.nodeid: test for test in evidence.journal.outcomes}
    found = []
    for group in evidence.journal.samples:
        tests = [outcomes[nodeid] for nodeid in group.seeds if nodeid in outcomes]
        if any(test.outcome is not Outcome.SKIPPED for test in tests):
            found.append(_result(group, tests, evidence.record))
    return tuple(found)


def _result(group: SampleGroup, tests: Sequence[TestOutcome], record: LaneRecord) -> SampleResult:
    passed = sum(test.outcome is Outcome.PASSED for test in tests)
    low, high = interval(min(passed, group.n), group.n)
    return SampleResult(
        test=group.test, n=group.n, at_least=group.at_least, passed=passed, low=low, high=high,
        met=passed >= group.at_least,
        chance=too_few(group.at_least, group.n, min(passed, group.n) / group.n),
        failed=tuple(
            FailedSample(
                nodeid=test.nodeid, seed=group.seeds[test.nodeid], cause=test.cause or test.reason or "no message",
                replay=replay(record, test.nodeid),
            )
            for test in tests if test.outcome is not Outcome.PASSED
        ),
    )  # fmt: skip


def replay(record: LaneRecord, nodeid: str) -> str:
    """Return the shell command that runs one test of a lane alone, as it was run."""
    switches = "".join(f"{name}=1 " for name in record.switches)
    shard = f"{record.shard} " if record.shard else ""
    return f"{switches}nox -s {record.lane} -- {shard}--only {shlex.quote(nodeid)} --seed {record.seed}"


def untrusted(group: SampleGroup, evidence: LaneEvidence) -> str:
    """Return why the samples of a test must not be judged together; empty when they may be."""
    if evidence.record.kind == LaneKind.DETERMINISTIC:
        return "in a deterministic lane every sample must pass"
    if len(group.seeds) != group.n:
        return f"{len(group.seeds)} of its {group.n} samples were collected"
    bare = _bare(group.test)
    written = [one for one in evidence.record.samples if one.test == bare]
    if not written:
        # A file that speaks for its own test does not speak for another whose name ends alike.
        taken = {_bare(nodeid) for nodeid in evidence.journal.collected}
        written = [one for one in evidence.record.samples if _same(one.test, bare) and one.test not in taken]
    if not any((one.n, one.at_least) == (group.n, group.at_least) for one in written):
        return f"its file does not say samples({group.n}, at_least={group.at_least}) in numbers on the test"
    return ""


def _bare(nodeid: str) -> str:
    path, colons, tail = nodeid.partition("::")
    return path + colons + tail.partition("[")[0]


def _same(one: str, other: str) -> bool:
    """Whether two node ids are of the same test; pytest's root need not be the project."""
    return one.endswith(f"/{other}") or other.endswith(f"/{one}")


def tolerate(found: Iterable[Violation], evidence: LaneEvidence) -> Iterable[Violation]:
    """Yield violations; the failure of a sample tells its seed, and does not gate where enough others passed.

    Only a failure of the body is variance: errors, time-outs, crashes and leaks gate as ever.
    """
    groups = {group.test: group for group in evidence.journal.samples}
    failures = {sample.nodeid: (result, sample) for result in results(evidence) for sample in result.failed}
    for violation in found:
        if violation.code is not Code.FAILED or violation.subject not in failures:
            yield violation
            continue
        result, sample = failures[violation.subject]
        message = f"{violation.message}; seed {sample.seed}; replay: {sample.replay}"
        gating = violation.gating
        if gating and result.met and not untrusted(groups[result.test], evidence):
            gating, message = False, f"within {result.passed} of {result.n} samples: {message}"
        yield msgspec.structs.replace(violation, gating=gating, message=message)


def advised(found: Iterable[Violation], advisory: Sequence[str]) -> Iterable[Violation]:
    """Yield violations; the failure of a test that only advises does not gate, nor that of its samples."""
    for violation in found:
        advice = violation.code is Code.FAILED and group_of(violation.subject)[0] in advisory
        yield msgspec.structs.replace(violation, gating=False) if advice else violation


def tolerated(evidence: LaneEvidence) -> frozenset[str]:
    """Return the failed samples that do not gate."""
    groups = {group.test: group for group in evidence.journal.samples}
    bad = {test.nodeid for test in evidence.journal.outcomes if test.outcome is Outcome.FAILED}
    met = [result for result in results(evidence) if result.met and not untrusted(groups[result.test], evidence)]
    return frozenset(sample.nodeid for result in met for sample in result.failed if sample.nodeid in bad)


def percent(result: SampleResult) -> str:
    """Return rate and interval for people: `80 % (95 % interval 44 to 97 %)`."""
    return f"{100 * result.rate:.0f} % (95 % interval {100 * result.low:.0f} to {100 * result.high:.0f} %)"


def by_chance(result: SampleResult) -> str:
    """Return how often a check would be red by chance: `red by chance in 33 % of runs`; empty where it never would."""
    if not 0 < result.chance < 1:
        return ""
    shown = f"{100 * result.chance:.0f}" if result.chance > CHANCE else "under 1"
    return f"red by chance in {shown} % of runs"


def would_do(result: SampleResult) -> tuple[str, ...]:
    """Return the marks under which a check would seldom be red by chance at the rate that was measured."""
    n = runs_for(result.at_least, result.rate, CHANCE, MOST)
    k = needed_for(result.n, result.rate, CHANCE)
    marks = ((n, result.at_least) if n else None, (result.n, k) if k else None)
    return tuple(f"samples({mark[0]}, at_least={mark[1]})" for mark in marks if mark)
