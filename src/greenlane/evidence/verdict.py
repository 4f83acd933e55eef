"""The verdict: the one value that every report, file and exit code is made from."""

from __future__ import annotations

import enum

import msgspec

from greenlane.evidence.evidence import DeclaredLane, GateState, LaneRecord
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.evidence.quarantine import FlakyTest, Quarantined
from greenlane.evidence.samples import SampleResult
from greenlane.evidence.violation import Code, Violation

VERDICT_SCHEMA = 2
"""Version of the JSON form of a verdict."""

CONFIGURATION = frozenset({Code.CONFIG_ERROR, Code.ADDRESS_DRIFT, Code.GROUP_MISSING})
"""What is wrong before any test is run: the user's settings."""


class Status(enum.StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Skips(msgspec.Struct, frozen=True, kw_only=True):
    """Tests that were skipped for one reason: `file:line` of the first, with the number of others; reason; how many."""

    place: str
    reason: str
    tests: int


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the verdict: a lane, a shard of a lane or a live provider.

    Attributes:
        counts: tests by outcome.
        duration: seconds; reason: why it did not run, when it did not.
        required: whether the policy needs it.
        reused: whether its evidence is of an earlier run, since which nothing that it can see has changed.
        models: what models answered in it.
        skips: what was skipped, by place and reason, most first.
        samples: what the tests that are run several times came to.
    """

    name: str
    status: Status
    counts: dict[Outcome, int] = {}
    duration: float = 0.0
    reason: str = ""
    required: bool = True
    record: LaneRecord | None = None
    reused: bool = False
    slowest: tuple[TestOutcome, ...] = ()
    models: tuple[ModelAnswers, ...] = ()
    samples: tuple[SampleResult, ...] = ()
    skips: tuple[Skips, ...] = ()


class Excused(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the ledger that excused something.

    Attributes:
        kind: `leak`, `skip` or `move`; what: the entry in a few words.
        why: the reason for people; since: when it was accepted, `2026-01-31`; who: accepted it.
        tests: how many tests it excused here.
    """

    kind: str
    what: str
    why: str
    since: str
    who: str
    tests: int


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """READY or NOT READY, and everything that it rests on.

    Attributes:
        violations: reasons for red, most telling first; warnings: what is wrong and does not gate.
        gates: live providers and why they are closed.
        quarantined: quarantined tests of the lanes that ran, and what became of each.
        flaky: what history says of tests that flaked lately in those lanes, most flakes first.
        excused: entries of the ledger that excused something; listed: how many entries the whole ledger has.
        lanes: every declared lane, whether it was needed or not.
        lane: name of the lane that was judged by itself; empty for a verdict of the project.
        made_at: Unix seconds.
        limits: what something that is ready all the same lacks.
        limits_allowed: whether limits end with exit code 0.
    """

    schema: int = VERDICT_SCHEMA
    policy: str
    strict: bool
    checks: tuple[Check, ...]
    violations: tuple[Violation, ...] = ()
    warnings: tuple[Violation, ...] = ()
    gates: tuple[GateState, ...] = ()
    expected: tuple[str, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    flaky: tuple[FlakyTest, ...] = ()
    excused: tuple[Excused, ...] = ()
    listed: int = 0
    lanes: tuple[DeclaredLane, ...] = ()
    made_at: float = 0.0
    run_id: str = ""
    project: str = ""
    tree: str = ""
    lane: str = ""
    limits: tuple[str, ...] = ()
    limits_allowed: bool = False

    @property
    def ready(self) -> bool:
        """Whether everything that the policy needs is proved green. Nothing required is never ready."""
        required = [check for check in self.checks if check.required]
        return not self.violations and bool(required) and any(c.status is Status.PASSED for c in required)

    @property
    def exit_code(self) -> int:
        """0 ready, 1 not ready or with limits that are not allowed, 2 for a wrong configuration, 130 if interrupted."""
        codes = {violation.code for violation in self.violations}
        if Code.INTERRUPTED in codes:
            return 130
        if codes & CONFIGURATION:
            return 2
        if self.limits and not self.limits_allowed:
            return 1
        return 0 if self.ready or (self.lane and not self.violations) else 1

    @property
    def word(self) -> str:
        """`READY`, `READY WITH LIMITS` or `NOT READY`; of a lane `GREEN`, `RED`, `SKIPPED` (nothing ran)."""
        if not self.lane:
            return ("READY WITH LIMITS" if self.limits else "READY") if self.ready else "NOT READY"
        if self.violations:
            return "RED"
        return "GREEN" if self.ready else "SKIPPED"

    @property
    def causes(self) -> tuple[str, ...]:
        """One `CAUSE:` line for each failure: `CAUSE: path::test[param] — first line`."""
        seen = dict.fromkeys(f"CAUSE: {v.subject} — {v.cause}" for v in self.violations if v.cause and v.subject)
        return tuple(seen)


class ModelAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """The answers of one model in one check.

    Attributes:
        service: name of the service or live provider; model: the model, as the answers name it.
        tests: how many tests showed an answer of it; prompts: different ones; texts: different answers.
        tokens: that the answers say they cost, prompts not counted.
        generated: tokens that the model itself counted over the whole run; None where it counts none.
        prompt: one prompt, and text: what was answered to it, as the proof that a reader can see.
    """

    service: str
    model: str
    tests: int
    prompts: int
    texts: int
    tokens: int
    generated: int | None = None
    prompt: str = ""
    text: str = ""
