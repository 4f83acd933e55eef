"""Did the lane stay within its walls: environment, state, network, secrets?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from greenlane.config.lanes import LaneKind
from greenlane.evidence.evidence import LaneEvidence, Requirements
from greenlane.evidence.journal import Leaked
from greenlane.evidence.violation import Code, Violation
from greenlane.judge.lasting import lasting


def drift(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """DRIFT when environment, interpreter or plugin are not those that control prepared."""
    record, journal = evidence.record, evidence.journal
    for difference in record.environment.drift:
        yield Violation(Code.DRIFT, difference)
    if record.result.failure or record.result.interrupted:
        return
    # A pytest that complained before any plugin could speak, of a conftest or an option, is told as that.
    if not journal.plugins and not record.complaint:
        yield Violation(Code.DRIFT, "the greenlane plugin did not load in the lane")
    wrong = sorted(set(journal.plugins) - {requirements.plugin or record.plugin})
    if wrong:
        yield Violation(Code.DRIFT, f"the lane loaded greenlane {', '.join(wrong)}, not {record.plugin}")
    others = sorted(set(journal.interpreters) - {record.environment.python})
    if others and record.environment.python:
        yield Violation(Code.DRIFT, f"tests ran on {', '.join(others)}, not on {record.environment.python}")
    for name in journal.missing:
        yield Violation(Code.DRIFT, f"{name} was switched off in the lane")
    for shadow in journal.shadows:
        yield Violation(Code.DRIFT, f"a module hides another of the same name: {shadow}")


def leaks(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """LEAK for each piece of state that a test left changed; a thing of which that is uncertain is told once."""
    certain = [leak for leak in evidence.journal.leaks if leak.blame == "leak"]
    uncertain = {lasting(_thing(leak)): leak for leak in evidence.journal.leaks if leak.blame != "leak"}
    for leak in (*certain, *uncertain.values()):
        yield _leak(leak)
    yield from _survivors(evidence)


def _leak(leak: Leaked) -> Violation:
    change = f" from {leak.before} to {leak.after}" if leak.before or leak.after else ""
    where = f" {'at' if leak.sure else 'probably at'} {leak.where}" if leak.where else ""
    name = leak.what if leak.what == leak.watcher else f"{leak.watcher} {leak.what}"
    certain = leak.blame == "leak"
    return Violation(
        Code.LEAK,
        f"{leak.nodeid} left {name} changed{change}{where}{'' if certain else ', or the code under test did'}",
        subject=leak.nodeid,
        cause=f"{'LEAK' if certain else 'UNCERTAIN'} {name}{change}{where}",
        **_place(leak.where),
        thing=_thing(leak),
        # What the ledger lists is not failed in the lane; whether it is listed is for the ledger to say.
        gating=leak.level in ("error", "known"),
    )


def _place(where: str) -> dict[str, Any]:
    """Return path and line of a `file:line`, as fields of a violation."""
    path, _, line = where.rpartition(":")
    return {"path": path, "line": int(line) if line.isdigit() else 0}


def _thing(leak: Leaked) -> str:
    return f"{leak.watcher}:{leak.what}"


def unhandled(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """UNHANDLED for each exception that no test could catch, and each coroutine that nobody awaited."""
    for event in evidence.journal.unhandled:
        cause = f"UNHANDLED {event.what}{f' at {event.where}' if event.where else ''}"
        yield Violation(
            Code.UNHANDLED, f"{event.nodeid or 'a test that has ended'}: {cause.partition(' ')[2]}",
            subject=event.nodeid, cause=cause, **_place(event.where),
            gating=not event.excused,
        )  # fmt: skip


def _survivors(evidence: LaneEvidence) -> Iterable[Violation]:
    """LEAK for each process that outlived a lane that came to its end by itself."""
    record = evidence.record
    if record.result.timed_out or record.result.interrupted or record.result.failure:
        return
    for survivor in record.result.survivors:
        yield Violation(
            Code.LEAK, f"a process outlived the lane and was killed: {survivor}",
            gating=record.kind == LaneKind.DETERMINISTIC,
        )  # fmt: skip


def network(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """NETWORK for each attempt of a lane that is kept on its loopback, or on what it may reach, to leave it."""
    if evidence.record.kind != LaneKind.DETERMINISTIC and not evidence.journal.hermetic:
        return
    for attempt in evidence.journal.network:
        who = attempt.nodeid or "code outside any test"
        where = f" at {attempt.where}" if attempt.where else ""
        what = f"{attempt.operation} {attempt.address}{where}"
        yield Violation(
            Code.NETWORK, f"{who} tried {what}", subject=attempt.nodeid, cause=f"NETWORK {what}",
            **_place(attempt.where),
        )  # fmt: skip
    if evidence.record.kind == LaneKind.DETERMINISTIC:
        yield from _unnamed_attempts(evidence)


def _unnamed_attempts(evidence: LaneEvidence) -> Iterable[Violation]:
    """NETWORK when the kernel refused more than the proofs and the named attempts explain."""
    journal = evidence.journal
    explained = sum(proof.refused for proof in journal.hermetic) + sum(a.refused for a in journal.network)
    count = evidence.record.result.refused - explained
    # One that is told by name already may have been counted as well.
    if count > 0 and not journal.network:
        who = "a child process, or code outside of any test,"
        probably = f", probably in {' or '.join(journal.suspects[:3])}" if journal.suspects else ""
        yield Violation(Code.NETWORK, f"{who} tried to leave {count} times; the kernel refused{probably}")


def hermetic(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """NETWORK when a deterministic lane was not cut off by the kernel, or a process of any could not prove its guard.

    A lower level is a warning unless strict; a proof that contradicts the level is red.
    """
    record, proofs = evidence.record, evidence.journal.hermetic
    if record.result.hermetic != "kernel":
        for proof in proofs:
            if proof.level == "none":
                yield Violation(Code.NETWORK, f"process {proof.worker} was not guarded: {proof.proof}")
    guarded = record.kind == LaneKind.DETERMINISTIC or record.lane in requirements.reaching
    if not guarded or record.result.failure:
        return
    if evidence.journal.plugins and not proofs:
        yield Violation(Code.NETWORK, "no process of the lane proved that it is cut off")
    if record.kind != LaneKind.DETERMINISTIC:
        return
    if record.result.hermetic == "kernel":
        for proof in proofs:
            if proof.level != "kernel":
                message = f"process {proof.worker} proved only level {proof.level}: {proof.proof}"
                yield Violation(Code.NETWORK, message)
        return
    reason = f": {record.result.hermetic_reason}" if record.result.hermetic_reason else ""
    yield Violation(
        Code.NETWORK,
        f"hermetic level is {record.result.hermetic}, not kernel{reason}",
        gating=requirements.strict,
    )


def secrets(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """LIVE_LEAK for each secret whose value stood in an artifact."""
    for found in evidence.record.result.secrets_found:
        yield Violation(Code.LIVE_LEAK, f"{found}; the value has been redacted", subject=found)
