"""What the tests said: failures, skips, silence."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from greenlane.config.lanes import LaneKind
from greenlane.evidence.evidence import LaneEvidence, Requirements
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.evidence.violation import Code, Violation
from greenlane.judge.quarantine import excused_tests
from greenlane.judge.sound import broken_because, by_itself
from greenlane.sharding.plan import PlanSource

_TEST_DEADLINE = re.compile(r"(Failed: )?Timeout \(>[^)]*s\) from pytest-timeout")
"""How pytest-timeout says that a test took too long; it has no exception of its own."""

NEVER_BEGAN = "never began"
NO_REASON = "no reason given"
"""Why a test has no outcome that was still to come when the lane ended."""


def failures(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """FAILED, ERROR and TIMED_OUT, one for each test or file, with its cause."""
    for test in (*evidence.journal.collect_errors, *evidence.journal.outcomes):
        if test.outcome.bad:
            cause = test.cause or "no message"
            yield Violation(
                _code(test), f"{test.nodeid}: {cause}", subject=test.nodeid, cause=cause,
                path=test.path, line=test.line, raised=test.raised,
            )  # fmt: skip


def _code(test: TestOutcome) -> Code:
    """Return which kind of failure it was."""
    if _TEST_DEADLINE.match(test.cause):
        return Code.TIMED_OUT
    return Code.FAILED if test.outcome is Outcome.FAILED else Code.ERROR


def missing(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """MISSING_OUTCOME for each test that was to run and has no final outcome."""
    journal = evidence.journal
    if evidence.record.result.interrupted:
        return
    ended = {test.nodeid for test in journal.outcomes}
    running = set(journal.open_tests)
    for nodeid in journal.selected:
        if nodeid not in ended:
            cause = "began and never ended" if nodeid in running else NEVER_BEGAN
            yield Violation(
                Code.MISSING_OUTCOME, f"{nodeid}: {cause}", subject=nodeid, cause=cause,
                path=nodeid.split("::")[0],
            )  # fmt: skip
    for crash in journal.crashes:
        yield Violation(Code.MISSING_OUTCOME, crash)


def flaky(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """FLAKY_IN_CORE for a test that passed and failed, or was run again, on the same tree."""
    again = {t.nodeid: f"ran {t.attempts} times" for t in evidence.journal.outcomes if t.attempts > 1}
    again.update(dict.fromkeys(evidence.journal.repeats, "has two outcomes"))
    for nodeid, what in _contradictions(evidence, requirements):
        again.setdefault(nodeid, what)
    for nodeid, what in again.items():
        yield Violation(
            Code.FLAKY_IN_CORE, f"{nodeid}: {what} on the same tree", subject=nodeid, cause=what,
            gating=evidence.record.kind == LaneKind.DETERMINISTIC,
        )  # fmt: skip


def _contradictions(evidence: LaneEvidence, requirements: Requirements) -> Iterable[tuple[str, str]]:
    """Yield tests of a deterministic lane that ended otherwise in an earlier run on the same tree."""
    past = requirements.past.get(evidence.record.lane)
    if past is None or evidence.record.kind != LaneKind.DETERMINISTIC or broken_because(evidence):
        return
    for test, outcome in by_itself(evidence.journal):
        if outcome.bad and test.nodeid in past.passed:
            yield test.nodeid, f"failed, and passed in run {past.passed[test.nodeid]}"
        elif outcome is Outcome.PASSED and test.nodeid in past.failed:
            yield test.nodeid, f"passed, and failed in run {past.failed[test.nodeid]}"


def skips(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """SKIPPED for any skip in a deterministic lane, and for an unexplained one anywhere."""
    record = evidence.record
    deterministic = record.kind == LaneKind.DETERMINISTIC
    for test in evidence.journal.outcomes:
        if test.outcome is Outcome.SKIPPED:
            skipped = "skipped"
        elif test.outcome is Outcome.XFAILED and not test.ran:
            skipped = "expected to fail without being run"
        else:
            continue
        reason = test.reason or NO_REASON
        gating = deterministic or requirements.fail_on_skip or not test.reason
        if gating:
            yield Violation(
                Code.SKIPPED, f"{test.nodeid}: {skipped}: {reason}", subject=test.nodeid,
                cause=f"{skipped}: {reason}", path=test.path, line=test.line,
            )  # fmt: skip


def nothing_ran(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """NO_TESTS when nothing was collected for this check, or a deterministic lane ran nothing."""
    journal, record = evidence.journal, evidence.record
    if record.result.failure or record.result.interrupted or journal.collect_errors or record.complaint:
        return
    if idle(evidence):
        return
    if not journal.selected and not journal.outcomes:
        message = "no test was collected" if not journal.collected else "no test of the lane belongs to this shard"
        yield Violation(Code.NO_TESTS, message)
    elif record.kind == LaneKind.DETERMINISTIC and not any(test.ran for test in journal.outcomes):
        yield Violation(Code.NO_TESTS, "no test was run")
    elif _proves_nothing(journal.outcomes, excused_tests(evidence, requirements)):
        what = "was expected to fail or failed in quarantine"
        yield Violation(Code.NO_TESTS, f"no test passed: every one that ran {what}")


def idle(evidence: LaneEvidence) -> bool:
    """Whether a shard came to a queue that the others had emptied; that nothing is lost, the shards prove together."""
    journal, record = evidence.journal, evidence.record
    queued = record.plan_source == PlanSource.QUEUE and record.result.exit_status == 0
    return queued and bool(journal.collected) and not journal.selected and not journal.outcomes


def _proves_nothing(outcomes: Iterable[TestOutcome], excused: Collection[str]) -> bool:
    """Whether tests ran and none of them proved anything: each was expected to fail, or failed in quarantine."""
    ran = [test for test in outcomes if test.ran or (test.outcome.bad and test.nodeid in excused)]
    idle = [t for t in ran if t.outcome is Outcome.XFAILED or (t.outcome.bad and t.nodeid in excused)]
    return bool(ran) and len(idle) == len(ran)


def partial(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """PARTIAL when options, hooks or an early stop made the run less than the whole lane."""
    journal = evidence.journal
    if journal.narrowing:
        yield Violation(Code.PARTIAL, f"options that narrow the run are in force: {', '.join(journal.narrowing)}")
    if journal.dropped:
        yield Violation(
            Code.PARTIAL,
            f"{len(journal.dropped)} collected tests were dropped, {journal.dropped[0]} among them",
            subject=journal.dropped[0],
            cause="collected and then dropped by an option or a hook",
        )
    # Where options narrow the run they are the reason, for each of these as for all.
    for test in () if journal.narrowing else evidence.record.uncollected:
        yield Violation(
            Code.PARTIAL, f"{test.nodeid} {test.why}", subject=test.nodeid, cause=test.why,
            path=test.path, line=test.line,
        )  # fmt: skip
    for reason in journal.stopped:
        yield Violation(Code.PARTIAL, f"the session stopped early: {reason}")
