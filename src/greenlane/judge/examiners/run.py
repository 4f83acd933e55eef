"""Did the run itself go as it must: services, deadline, exit status, coverage?"""

from __future__ import annotations

from collections.abc import Iterable

from greenlane.evidence.evidence import LaneEvidence, Requirements
from greenlane.evidence.violation import Code, Violation

PYTEST_STATUS = {
    2: "interrupted",
    3: "internal error",
    4: "usage error",
    5: "no tests collected",
}


def interrupted(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """INTERRUPTED when somebody stopped the run."""
    if evidence.record.result.interrupted:
        yield Violation(Code.INTERRUPTED, "the run was stopped before its end")


def services(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """SERVICE_DOWN for each service that did not start, is not ours or died."""
    for service in evidence.record.result.services:
        if service.failure:
            yield Violation(
                Code.SERVICE_DOWN, f"{service.name}: {service.failure}", subject=service.name,
                cause=service.failure,
            )  # fmt: skip


def bad_requests(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """BAD_REQUEST_SEEN where services refused more requests than tests announced; a warning where fewer."""
    result, journal = evidence.record.result, evidence.journal
    refused = {service.name: service.refused for service in result.services if service.refused is not None}
    announced = sum(journal.refused.get(test.nodeid, 0) for test in journal.outcomes if test.ran)
    seen = sum(refused.values())
    whole = not (result.timed_out or result.interrupted or any(test.outcome.bad for test in journal.outcomes))
    if seen > announced or (refused and seen < announced and whole):
        names = ", ".join(f"{name} {count}" for name, count in refused.items())
        cause = f"refused requests: {names}; tests announced {announced}"
        yield Violation(Code.BAD_REQUEST_SEEN, cause, subject=", ".join(refused), cause=cause, gating=seen > announced)


def runner(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """ERROR when the lane could not be started or ended in a way that is nobody's test's fault."""
    if cause := _broken(evidence):
        yield Violation(Code.ERROR, cause, subject=evidence.record.check, cause=cause)


def _broken(evidence: LaneEvidence) -> str:
    """Return what is wrong with the lane's pytest itself; empty for nothing, or where it is told as what it is."""
    record, status = evidence.record, evidence.record.result.exit_status
    if record.result.failure:
        return "" if record.result.failure in record.environment.drift else record.result.failure
    if record.result.timed_out or record.result.interrupted:
        return ""
    if status is None:
        return "the lane's pytest has no exit status"
    if status < 0:
        return f"the lane's pytest was killed by signal {-status}"
    if record.complaint or (status in (2, 3, 4) and not evidence.journal.collect_errors):
        ended = f"pytest ended with exit status {status} ({PYTEST_STATUS.get(status, 'before any test')})"
        return f"{ended}: {record.complaint}" if record.complaint else ended
    return f"the lane's pytest ended with exit status {status}" if status > 5 else ""


def deadline(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """TIMED_OUT when the deadline killed the lane, OVER_BUDGET when it ended too late by itself."""
    record = evidence.record
    if record.result.timed_out:
        running = ", ".join(record.result.running) or "no test"
        yield Violation(
            Code.TIMED_OUT,
            f"the budget of {record.budget:g} s ran out while running {running}",
            subject=record.result.running[0] if record.result.running else record.check,
            cause=f"still running when the budget of {record.budget:g} s ran out",
        )
    elif 0 < record.budget < record.duration:
        yield Violation(Code.OVER_BUDGET, f"took {record.duration:.1f} s of a budget of {record.budget:g} s")


def exit_status(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """EXIT_MISMATCH when the exit status says something else than the journal."""
    record, journal = evidence.record, evidence.journal
    if record.result.exit_status is None or record.result.timed_out or record.result.interrupted or not journal.run_ids:
        return
    status = record.result.exit_status
    bad = any(test.outcome.bad for test in journal.outcomes) or bool(journal.collect_errors)
    if status == 0 and bad:
        yield Violation(Code.EXIT_MISMATCH, "exit status 0, but the journal holds failures")
    if status == 1 and not bad and not journal.open_tests and not journal.crashes:
        yield Violation(Code.EXIT_MISMATCH, "exit status 1, but no test failed in the journal")
    if status in (0, 1) and not journal.exit_statuses:
        yield Violation(Code.EXIT_MISMATCH, f"exit status {status}, but pytest never came to the end of its session")
    others = [other for other in journal.exit_statuses if other != status]
    if others:
        yield Violation(Code.EXIT_MISMATCH, f"exit status {status}, but pytest reported {others[0]}")
    if journal.unfinished and status in (0, 1):
        yield Violation(Code.EXIT_MISMATCH, f"processes never ended their session: {', '.join(journal.unfinished)}")


def coverage(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """COVERAGE_LOW when the lane demands coverage and has too little, or none was measured."""
    wanted = requirements.fail_under.get(evidence.record.lane)
    record = evidence.record
    # A part cannot cover what the whole does: it is PARTIAL, whatever it covers.
    if (
        wanted is None
        or record.shard
        or record.result.failure
        or record.result.interrupted
        or evidence.journal.narrowing
    ):
        return
    measured = record.coverage
    if measured is None:
        yield Violation(Code.COVERAGE_LOW, "coverage was not measured")
    elif measured < wanted:
        yield Violation(Code.COVERAGE_LOW, f"coverage is {measured:.2f} %, the lane demands {wanted:g} %")
