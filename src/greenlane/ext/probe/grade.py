"""What the evidence of a probe comes to: what was found, and the profiles for which each dialect is ready."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.samples import SampleResult
from greenlane.evidence.verdict import Verdict
from greenlane.ext.probe.asked import Asked, Target
from greenlane.ext.probe.values import Check, Profile, Severity
from greenlane.judge.samples import group_of, results


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A check that failed.

    Attributes:
        check: its name; dialect, model: where it failed.
        severity, profile: of the check; gates: whether the endpoint is not ready because of it.
        finding: what the endpoint did; sentence, source: what it stands on; breaks: what clients see.
    """

    check: str
    dialect: str
    model: str
    severity: Severity
    profile: Profile
    gates: bool
    finding: str
    sentence: str
    source: str
    breaks: str


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A check that depends on chance: how many of how many samples passed, with the 95 % interval of the rate."""

    check: str
    dialect: str
    passed: int
    of: int
    low: float
    high: float


class Fitness(msgspec.Struct, frozen=True, kw_only=True):
    """What one dialect is good for: the largest profile whose musts all hold, empty for none, of what was asked."""

    dialect: str
    model: str
    ready: str
    checks: int
    passed: int


class Grade(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe came to.

    Attributes:
        word: `READY`, `READY WITH LIMITS` or `NOT READY`.
        fitness: of each dialect; found: checks that failed, worst first; rates: what depends on chance.
        figures: in seconds, by dialect and name.
    """

    url: str
    word: str
    profile: Profile
    fitness: tuple[Fitness, ...]
    found: tuple[Found, ...]
    rates: tuple[Rate, ...]
    figures: dict[str, float] = msgspec.field(default_factory=dict, name="told")
    run_id: str = ""


def advisory(asked: Asked) -> tuple[str, ...]:
    """Return the ids of the checks whose failure is told, and makes nothing red."""
    return tuple(f"{t.dialect.value}:{t.model}:{c.name}" for t, c in asked.checks() if not asked.gates(c))


def limits(found: Iterable[Found]) -> tuple[str, ...]:
    """Return what a ready endpoint lacks, one line for each; what only may be there is none."""
    return tuple(
        f"{one.dialect} {one.check}: {one.finding}"
        for one in found
        if not one.gates and one.severity is not Severity.MAY
    )


def id_of(nodeid: str) -> str:
    """Return the id of the check that a test is of."""
    test, _ = group_of(nodeid)
    return test.partition("[")[2].removesuffix("]")


def found_in(asked: Asked, evidence: LaneEvidence) -> tuple[Found, ...]:
    """Return the checks that failed, worst first."""
    causes: dict[str, str] = {}
    rates = {id_of(result.test): result for result in results(evidence)}
    for test in evidence.journal.outcomes:
        name = id_of(test.nodeid)
        if test.outcome.bad and name not in causes and not (name in rates and rates[name].met):
            causes[name] = _plain(test.cause) + (_of(rates[name]) if name in rates else "")
    known = [(name, *asked.found(name)) for name in causes]
    made = [_found(target, check, asked, causes[name]) for name, target, check in known]
    return tuple(sorted(made, key=_weight))


def _found(target: Target, check: Check, asked: Asked, cause: str) -> Found:
    return Found(
        check=check.name, dialect=target.dialect.value, model=target.model, severity=check.severity,
        profile=check.profile, gates=asked.gates(check), finding=cause, sentence=check.sentence, source=check.source,
        breaks=check.breaks,
    )  # fmt: skip


def _weight(found: Found) -> tuple[bool, int, int, str]:
    return not found.gates, list(Severity).index(found.severity), found.profile.rank, found.check


def _plain(cause: str) -> str:
    """Return a cause without the name of the exception that carried it."""
    for name in ("greenlane.ext.probe.values.Finding: ", "greenlane.ext.probe.wire.BudgetSpent: "):
        cause = cause.removeprefix(name)
    return cause


def _of(result: SampleResult) -> str:
    return f" ({result.passed} of {result.n} passed, {result.at_least} must; 95 % interval {_interval(result)})"


def _interval(result: SampleResult) -> str:
    return f"{result.low:.0%}–{result.high:.0%}"


def fitness_of(asked: Asked, found: Sequence[Found], seen: Iterable[str]) -> tuple[Fitness, ...]:
    """Return what each dialect is good for. seen: ids of the checks that have an outcome."""
    made, have = [], set(seen)
    for target in asked.targets:
        own = [check for other, check in asked.checks() if other == target]
        failed = {one.check for one in found if one.dialect == target.dialect.value and one.model == target.model}
        failed |= {c.name for c in own if f"{target.dialect.value}:{target.model}:{c.name}" not in have}
        ready = ""
        for profile in Profile:
            musts = {c.name for c in own if c.severity is Severity.MUST and c.profile.rank <= profile.rank}
            if profile.rank > asked.profile.rank or musts & failed:
                break
            ready = profile.value
        made.append(
            Fitness(
                dialect=target.dialect.value, model=target.model, ready=ready, checks=len(own),
                passed=len(own) - len(failed),
            )
        )  # fmt: skip
    return tuple(made)


def rates_in(asked: Asked, evidence: LaneEvidence) -> tuple[Rate, ...]:
    """Return what depends on chance, with intervals."""
    made = []
    for result in results(evidence):
        target, check = asked.found(id_of(result.test))
        made.append(
            Rate(
                check=check.name, dialect=target.dialect.value, passed=result.passed, of=result.n,
                low=round(result.low, 3), high=round(result.high, 3),
            )
        )  # fmt: skip
    return tuple(made)


def grade(asked: Asked, verdict: Verdict, evidence: LaneEvidence, figures: Mapping[str, float]) -> Grade:
    """Return what a probe came to, in the word of its verdict."""
    found = found_in(asked, evidence)
    seen = [id_of(test.nodeid) for test in evidence.journal.outcomes]
    return Grade(
        url=asked.url, word=verdict.word, profile=asked.profile, fitness=fitness_of(asked, found, seen), found=found,
        rates=rates_in(asked, evidence), figures=dict(figures), run_id=verdict.run_id,
    )  # fmt: skip


def as_json(made: Grade) -> Any:
    """Return a grade as plain data."""
    return msgspec.to_builtins(made)
