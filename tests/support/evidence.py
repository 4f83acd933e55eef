"""Evidence, records, demands and verdicts from a few words, so that a test reads: this evidence, these codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from greenlane.evidence.evidence import (
    Environment,
    GateState,
    JournalFacts,
    JunitCase,
    LaneEvidence,
    LaneRecord,
    LaneResult,
    Requirements,
)
from greenlane.evidence.journal import Hermetic
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.evidence.verdict import Verdict
from greenlane.evidence.violation import Violation
from greenlane.ext.llm.examiners import answers
from greenlane.judge.judge import judge
from greenlane.sharding.assignment import digest
from greenlane.version import VERSION

S = TypeVar("S", bound=msgspec.Struct)

RUN = "20260101T000000Z-abcdef"
PYTHON = "/envs/core/bin/python"
TREE = "7ree" * 16
LOCK = "10c4" * 16
JUNIT_WORD = {Outcome.XFAILED: Outcome.SKIPPED, Outcome.XPASSED: Outcome.PASSED}


def outcome(name: str, how: Outcome = Outcome.PASSED, **fields: Any) -> TestOutcome:
    """Return the outcome of a test; a bare name is a function of `tests/test_a.py`."""
    nodeid = name if name.startswith("tests/") else f"tests/test_a.py::{name}"
    return TestOutcome(**{"nodeid": nodeid, "outcome": how, "duration": 0.01, **fields})


def failed(name: str = "test_bad", **fields: Any) -> TestOutcome:
    """Return a failed test."""
    return outcome(name, Outcome.FAILED, **{"cause": "assert 1 == 2", **fields})


def errored(name: str = "test_broken", **fields: Any) -> TestOutcome:
    """Return a test whose set-up or tear-down failed."""
    return outcome(name, Outcome.ERROR, **{"cause": "fixture 'x' not found", **fields})


def skipped(name: str = "test_later", **fields: Any) -> TestOutcome:
    """Return a skipped test with a reason."""
    return outcome(name, Outcome.SKIPPED, **{"reason": "no docker here", "ran": False, **fields})


def xfailed(name: str = "test_known", **fields: Any) -> TestOutcome:
    """Return a test that failed as expected."""
    return outcome(name, Outcome.XFAILED, **{"reason": "bug 7", **fields})


def junit_of(tests: Iterable[TestOutcome]) -> tuple[JunitCase, ...]:
    """Return what pytest writes into JUnit for functions in plain files."""
    cases = []
    for test in tests:
        file, _, name = test.nodeid.partition("::")
        classname = file.removesuffix(".py").replace("/", ".")
        cases.append(JunitCase(classname, name, JUNIT_WORD.get(test.outcome, test.outcome)))
    return tuple(cases)


def proof(level: str = "kernel") -> Hermetic:
    """Return what a process says of its isolation."""
    return Hermetic(worker="main", at=1000.0, level=level, proof="connect: Network is unreachable")


def lane(
    *tests: TestOutcome,
    journal: dict[str, Any] | None = None,
    junit: Sequence[JunitCase] | None = None,
    damage: tuple[str, ...] = (),
    **record: Any,
) -> LaneEvidence:
    """Return the evidence of one lane or shard in which everything agrees, but for what is overridden.

    Args:
        tests: outcomes, which collection, selection, exit status and JUnit follow; one passed test for none.
        journal: fields of the journal that differ.
        junit: other cases than the outcomes give.
        damage: artifacts that are missing or altered.
        record: fields of the lane record that differ.
    """
    ended = tests or (outcome("test_one"),)
    names = tuple(sorted({test.nodeid for test in ended}))
    status = int(any(test.outcome.bad for test in ended))
    facts: dict[str, Any] = {
        "run_ids": (RUN,), "plugins": (VERSION,), "interpreters": (PYTHON,), "collected": names, "selected": names,
        "collections": (digest(names),), "outcomes": ended, "exit_statuses": (record.get("exit_status", status),),
        "hermetic": (proof(),),
    }  # fmt: skip
    fields: dict[str, Any] = {
        "run_id": RUN, "lane": "core", "kind": "deterministic", "started_at": 1000.0, "finished_at": 1002.5,
        "budget": 600.0, "exit_status": status, "tree": TREE, "tree_after": TREE, "lock": LOCK,
        "python": PYTHON, "version": "3.11.9", "plugin": VERSION, "hermetic": "kernel", **record,
    }  # fmt: skip
    result = LaneResult(**{name: fields.pop(name) for name in LaneResult.__struct_fields__ if name in fields})
    environment = Environment(**{name: fields.pop(name) for name in Environment.__struct_fields__ if name in fields})
    return LaneEvidence(
        record=LaneRecord(result=result, environment=environment, **fields),
        journal=JournalFacts(**{**facts, **(journal or {})}),
        junit=tuple(junit) if junit is not None else junit_of(ended),
        damage=damage,
    )


def nd(*tests: TestOutcome, **fields: Any) -> LaneEvidence:
    """Return the evidence of a non-deterministic lane."""
    return lane(*tests, **{"lane": "nd", "kind": "nondeterministic", "hermetic": "none", **fields})


def shard(name: str, *tests: TestOutcome, collected: Sequence[str], **fields: Any) -> LaneEvidence:
    """Return the evidence of one shard of `nd` with the plan of the whole."""
    facts = {"collected": tuple(collected), "collections": (digest(collected),), "plans": ("one plan",)}
    journal = {**facts, **fields.pop("journal", {})}
    return nd(*tests, shard=name, journal=journal, **{"shards": ("shard_a", "shard_b"), **fields})


def demand(*checks: str, **fields: Any) -> Requirements:
    """Return what is asked of the judge: `core` for no word."""
    return Requirements(**{"policy": "dev", "checks": checks or ("core",), "plugin": VERSION, **fields})


def closed(provider: str = "gemini", reason: str = "GEMINI_API_KEY is not set") -> GateState:
    """Return a closed gate."""
    return GateState(provider=provider, open=False, reason=reason)


def verdict_on(*evidence: LaneEvidence, **fields: Any) -> Verdict:
    """Return the verdict on evidence, demanding the checks that the evidence is of."""
    checks = fields.pop("checks", tuple(item.record.check for item in evidence))
    return judge(demand(*checks, **fields), evidence, more=(answers,))


def codes(found: Verdict | Iterable[Violation]) -> list[str]:
    """Return the codes of violations, sorted; of a verdict, those that make it red."""
    violations = found.violations if isinstance(found, Verdict) else found
    return sorted(violation.code.value for violation in violations)


def but(value: S, **fields: Any) -> S:
    """Return a frozen value with other fields."""
    return msgspec.structs.replace(value, **fields)
